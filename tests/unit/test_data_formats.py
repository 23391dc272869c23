"""Formats: the same rows come out of every file, and one sentence says what is wrong with it."""

import bz2
import gzip
import json
import lzma
import sys
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from likely.core.errors import BadInput, BadSetting, Unsupported
from likely.data.files import read

ROWS = [
    {"id": "a", "text": "naïve one", "domain": "d", "year": 1999},
    {"id": "b", "text": "two", "domain": "e", "year": 2000},
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
PACK = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def table(rows=ROWS):
    return pyarrow.Table.from_pylist(rows)


def parquet(path, rows=ROWS):
    pyarrow.parquet.write_table(table(rows), path, row_group_size=1)


def arrow_file(path, rows=ROWS):
    with pyarrow.ipc.new_file(path, table(rows).schema) as file:
        file.write_table(table(rows))


def arrow_stream(path, rows=ROWS):
    with pyarrow.ipc.new_stream(path, table(rows).schema) as file:
        file.write_table(table(rows))


WRITERS = {"x.parquet": parquet, "x.arrow": arrow_file, "y.arrow": arrow_stream}


def found(corpus):
    return [(d.id, d.text, d.domain, dict(d.metadata)) for d in corpus]


EXPECTED = [("a", "naïve one", "d", {"year": 1999}), ("b", "two", "e", {"year": 2000})]


def refused(*args, **kwargs):
    with pytest.raises(BadInput) as caught:
        read(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson"])
def test_lines_of_json_in_every_packing(tmp_path, packing, suffix):
    path = tmp_path / f"x{suffix}{packing}"
    path.write_bytes(PACK[packing](LINES))
    assert found(read(path)) == EXPECTED


@pytest.mark.parametrize("packing", PACK)
def test_text_in_every_packing(tmp_path, packing):
    path = tmp_path / f"x.txt{packing}"
    path.write_bytes(PACK[packing](b"\xef\xbb\xbfone\r\ntwo\n"))
    assert [d.text for d in read(path)] == ["one\r\ntwo\n"]
    assert [d.text for d in read(tmp_path)] == ["one\r\ntwo\n"]


@pytest.mark.parametrize("name", WRITERS)
def test_tables(tmp_path, name):
    WRITERS[name](tmp_path / name)
    assert found(read(tmp_path / name)) == EXPECTED
    assert found(read(tmp_path)) == EXPECTED


def test_zstd_frames_after_one_another_are_one_file(tmp_path):
    pack, path = PACK[".zst"], tmp_path / "x.jsonl.zst"
    half = LINES.index(b"\n") + 1
    path.write_bytes(pack(LINES[:half]) + pack(LINES[half:]))
    assert found(read(path)) == EXPECTED
    path.write_bytes(pack(LINES) + pack(LINES)[:-3])
    assert "ends in the middle of its zstd data" in refused(path)


def test_rows_without_an_id_are_named_by_file_and_number(tmp_path):
    parquet(tmp_path / "x.parquet", [{"body": "one", "id": 1.5}, {"body": "two", "id": None}])
    corpus = read(tmp_path / "x.parquet", field="body")
    assert [d.id for d in corpus] == ["x.parquet:1", "x.parquet:2"]
    assert corpus.documents[0].metadata == {"id": 1.5}


@pytest.mark.parametrize("pattern", ["*.md", "**/*.md", "inner/?.md", "[ab].md", "*.m[d]"])
def test_patterns_here_and_on_a_remote_file_system(tmp_path, pattern):
    memory = fsspec.filesystem("memory")
    files = {"a.md": "one", "b.md": "two", "inner/c.md": "three", "d.png": "no"}
    expected = {
        "*.md": ["a.md", "b.md"],
        "*.m[d]": ["a.md", "b.md"],
        "**/*.md": ["a.md", "b.md", "inner/c.md"],
        "inner/?.md": ["c.md"],
        "[ab].md": ["a.md", "b.md"],
    }[pattern]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        memory.pipe(f"/patterns/{name}", text.encode())
    assert [d.id for d in read(f"{tmp_path}/{pattern}")] == expected
    assert [d.id for d in read(f"memory://patterns/{pattern}")] == expected


def test_a_file_whose_name_looks_like_a_pattern_is_read(tmp_path):
    (tmp_path / "a[1].txt").write_text("odd")
    (tmp_path / "a1.txt").write_text("even")
    assert [d.text for d in read(tmp_path / "a[1].txt")] == ["odd"]
    assert [d.text for d in read(tmp_path / "a[12].txt")] == ["even"]


def test_a_pattern_may_fit_folders(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text(name)
    assert [d.id for d in read(f"{tmp_path}/*")] == ["one/x.txt", "two/x.txt"]
    assert "no file fits this pattern" in refused(f"{tmp_path}/*.txt")


def test_remote_files_and_folders(tmp_path):
    memory = fsspec.filesystem("memory")
    memory.pipe("/store/x.jsonl.gz", gzip.compress(LINES))
    memory.pipe("/store/inner/x.txt", b"deep")
    memory.pipe("/store/x.png", b"no")
    parquet(tmp_path / "x.parquet")
    memory.pipe("/store/x.parquet", (tmp_path / "x.parquet").read_bytes())
    assert found(read("memory://store/x.jsonl.gz")) == EXPECTED
    assert found(read("memory://store/x.parquet")) == EXPECTED
    corpus = read("memory://store")
    assert [d.id for d in corpus] == ["inner/x.txt", "a", "b", "a#2", "b#2"]
    assert len(corpus.skipped) == 1
    assert found(read((tmp_path / "x.parquet").as_uri())) == EXPECTED


def test_files_inside_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("inner/a.jsonl", LINES)
        archive.writestr("b.txt", "b")
    assert found(read(f"zip://inner/a.jsonl::{tmp_path}/x.zip")) == EXPECTED
    assert [d.text for d in read(f"zip://*.txt::{tmp_path}/x.zip")] == ["b"]
    assert "cannot be listed" in refused(f"zip://*.txt::{tmp_path}/y.zip")


def test_addresses_of_the_web(tmp_path):
    pytest.importorskip("aiohttp", reason="https:// needs aiohttp, from the extra data")
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(LINES))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}"
        assert found(read(f"{root}/x.jsonl.gz")) == EXPECTED
        assert found(read(f"{root}/x.jsonl.gz?download=1")) == EXPECTED
        assert "no such file" in refused(f"{root}/y.jsonl.gz")
        server.shutdown()
    assert f"{root}/x.jsonl.gz" in refused(f"{root}/x.jsonl.gz")


def test_a_library_of_an_address_that_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(Unsupported, match="gs://x/y: a library is missing"):
        read("gs://x/y", on_error="skip")


def test_remote_mistakes_are_one_sentence():
    assert "no such file or folder" in refused("memory://nowhere/x.txt")
    assert "no file fits this pattern" in refused("memory://nowhere/*.txt")
    message = refused("memry://x.txt")
    assert "there is no protocol 'memry'" in message
    assert "Did you mean 'memory'?" in message
    fsspec.filesystem("memory").pipe("/bad/x.txt", b"fine\ncaf\xe9")
    assert "/bad/x.txt, line 2: byte 8 (0xe9)" in refused("memory://bad/x.txt")
    fsspec.filesystem("memory").pipe("/bad/y.jsonl.gz", b"not packed")
    assert "no valid gzip data" in refused("memory://bad/y.jsonl.gz")


@pytest.mark.parametrize("packing", [p for p in PACK if p])
@pytest.mark.parametrize("suffix", [".jsonl", ".txt"])
def test_a_file_that_was_cut_off(tmp_path, packing, suffix):
    path = tmp_path / f"x{suffix}{packing}"
    path.write_bytes(PACK[packing](LINES)[:-6])
    message = refused(path)
    assert str(path) in message
    assert "the file ends in the middle" in message


@pytest.mark.parametrize("packing", [p for p in PACK if p])
def test_a_file_that_is_not_packed(tmp_path, packing):
    path = tmp_path / f"x.jsonl{packing}"
    path.write_bytes(LINES)
    message = refused(path)
    assert str(path) in message
    assert f"name it without {packing}" in message


def test_a_line_after_which_packed_data_break_off_is_named(tmp_path):
    lines = b"".join(b'{"text": "line %d of many %d"}\n' % (n, n * n) for n in range(20000))
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(lines)[:-2000])
    message = refused(path)
    number = int(message.partition(", after line ")[2].partition(":")[0])
    corpus = read(path, on_error="skip")
    assert len(corpus) == number > 100
    assert corpus.skipped == (message,)


@pytest.mark.parametrize("name", WRITERS)
def test_tables_that_are_damaged(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path, [{"text": f"row {n}"} for n in range(1000)])
    data = path.read_bytes()
    for bad in (data[: len(data) // 2], b"", LINES):
        path.write_bytes(bad)
        message = refused(path)
        assert str(path) in message
        assert "is no valid" in message


def test_wrong_column_names_the_near_miss(tmp_path):
    parquet(tmp_path / "x.parquet", [{"texts": "one", "year": 1}])
    message = refused(tmp_path / "x.parquet")
    assert "x.parquet: there is no column 'text' (columns here: texts, year)" in message
    assert "Did you mean 'texts'?" in message


def test_a_row_without_text_and_one_that_is_no_utf8(tmp_path):
    parquet(tmp_path / "x.parquet", [{"text": "one"}, {"text": None}, {"text": "three"}])
    message = refused(tmp_path / "x.parquet")
    assert "x.parquet, row 2: the field 'text' is NoneType, not a string" in message
    corpus = read(tmp_path / "x.parquet", on_error="skip")
    assert [d.text for d in corpus] == ["one", "three"]
    assert corpus.skipped == (message,)

    broken = pyarrow.array([b"fine", b"caf\xe9"], pyarrow.binary()).view(pyarrow.string())
    with pyarrow.ipc.new_file(tmp_path / "y.arrow", pyarrow.schema({"text": "string"})) as file:
        file.write_batch(pyarrow.RecordBatch.from_arrays([broken], ["text"]))
    assert "y.arrow, row 2: byte 3 of a text is not valid UTF-8" in refused(tmp_path / "y.arrow")
    assert [d.text for d in read(tmp_path / "y.arrow", on_error="skip")] == ["fine"]


@pytest.mark.parametrize(
    ("start", "hint"),
    [
        (gzip.compress(b"x", mtime=0), "name it .gz"),
        (PACK[".zst"](b"x"), "name it .zst"),
        ("text".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04\xff", "unpack it first"),
    ],
)
def test_text_that_is_something_else_is_recognised(tmp_path, start, hint):
    (tmp_path / "x.txt").write_bytes(start)
    assert hint in refused(tmp_path / "x.txt")


def test_skipping_lists_files_lines_and_rows(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(
        b'{"text": "1"}\nnonsense\n{"tex": 2}\n\xff\n{"text": "5"}\n'
    )
    (tmp_path / "b.jsonl.gz").write_bytes(b"not packed")
    (tmp_path / "c.txt").write_bytes(b"fine")
    (tmp_path / "d.txt").write_bytes(b"\xff")
    names = [tmp_path / name for name in ("a.jsonl", "b.jsonl.gz", "c.txt", "d.txt")]
    corpus = read(names, on_error="skip")
    assert [d.text for d in corpus] == ["1", "5", "fine"]
    wanted = ["a.jsonl, line 2", "a.jsonl, line 3", "a.jsonl, line 4", "b.jsonl.gz", "d.txt"]
    assert len(corpus.skipped) == len(wanted)
    assert all(w in line for w, line in zip(wanted, corpus.skipped, strict=True))
    assert "nothing could be read, 1 skipped" in refused(names[-1], on_error="skip")
    assert "no such file" in refused(tmp_path / "nowhere.txt", on_error="skip")


def test_what_may_not_be_read_is_said_or_skipped(tmp_path, monkeypatch):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)

    def closed(place):
        if place.name == "a.txt":
            raise PermissionError(13, "Permission denied", place.path)
        return open(place.path, "rb")

    monkeypatch.setattr("likely.data._bytes._raw", closed)
    message = refused(tmp_path)
    assert message.startswith(f"{tmp_path / 'a.txt'}: cannot be read (Permission denied)")
    corpus = read(tmp_path, on_error="skip")
    assert [d.id for d in corpus] == ["b.txt"]
    assert corpus.skipped == (message,)


def test_hints_for_what_people_mean(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x.txt").write_text("home")
    assert [d.text for d in read("~/x.txt")] == ["home"]
    assert [d.text for d in read("~/*.txt")] == ["home"]
    monkeypatch.chdir(tmp_path)
    assert "is written dataset:owner/name" in refused("owner/name")
    for text in ('[{"text": "one"}]', '[\n{"text": "one"}\n]'):
        (tmp_path / "x.jsonl").write_text(text)
        assert "is read as dataset:json?data_files=x.jsonl" in refused("x.jsonl")


SUFFIXES = [".txt", ".jsonl", ".parquet", ".arrow", *(f".jsonl{packing}" for packing in PACK)]
STARTS = [b"", b"PAR1", b"ARROW1\0\0", b"\xff\xff\xff\xff", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd"]


def told(path, on_error):
    """What comes out of a file that may hold anything: one sentence, or texts."""
    try:
        return " ".join(document.id for document in read(path, on_error=on_error))
    except BadInput as problem:
        return str(problem)


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=60))
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory, suffix, start, rest):
    path = tmp_path_factory.mktemp("any") / f"x{suffix}"
    path.write_bytes(start + rest)
    for on_error in ("raise", "skip"):
        said = told(path, on_error)
        assert path.name in said
        assert "\n" not in said


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "y.arrow", "z.jsonl.zst", "z.jsonl.gz"])
@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_a_flipped_byte_is_read_or_refused(tmp_path_factory, name, place, change):
    path = tmp_path_factory.mktemp("flip") / name
    if name in WRITERS:
        WRITERS[name](path)
    else:
        path.write_bytes(PACK[path.suffix](LINES))
    held = bytearray(path.read_bytes())
    held[int(place * len(held))] ^= change
    path.write_bytes(held)
    assert "\n" not in told(path, "raise")
    assert "\n" not in told(path, "skip")


def test_limit_and_settings(tmp_path, untyped):
    (tmp_path / "x.jsonl").write_bytes(b'{"text": " "}\n' + LINES + b"nonsense")
    assert len(read(tmp_path / "x.jsonl", limit=2)) == 2
    with pytest.raises(BadSetting, match="2 settings are wrong"):
        read(tmp_path / "x.jsonl", on_error="skp", limit=0)


def test_a_model_and_a_file_taken_for_folders(tmp_path):
    (tmp_path / "likely.json").write_text("{}")
    assert "folder of a model" in refused(tmp_path)
    (tmp_path / "x.txt").write_text("x")
    assert "x.txt is a file, not a folder" in refused(tmp_path / "x.txt" / "y.txt")


@pytest.mark.parametrize(
    ("library", "name"), [("pyarrow", "x.parquet"), ("zstandard", "x.txt.zst")]
)
def test_a_missing_library_is_named_with_its_extra(tmp_path, monkeypatch, library, name):
    (tmp_path / name).write_bytes(b"x")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(Unsupported, match=rf"needs {library}: pip install 'likely\[data\]'"):
        read(tmp_path / name, on_error="skip")
