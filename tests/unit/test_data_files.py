"""Reading text: what comes out, and one sentence for everything that can be wrong."""

import json

import pytest

from likely.core.errors import BadInput
from likely.data.files import read


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b.txt").write_bytes(b"one\r\ntwo\r\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.md").write_text("# deep", "utf-8")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "secret.txt").write_text("no", "utf-8")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "empty.txt").write_bytes(b"")
    return tmp_path


def jsonl(path, *rows):
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def refused(*args, **kwargs):
    with pytest.raises(BadInput) as caught:
        read(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_folder_is_read_in_sorted_order_without_hidden_empty_and_other_files(folder):
    corpus = read(folder)
    assert [d.id for d in corpus] == ["b.txt", "inner/a.md"]
    assert corpus.documents[0].data == b"one\r\ntwo\r\n"
    assert corpus.domains == ("text",)
    assert [line.partition(":")[0].endswith("picture.png") for line in corpus.skipped] == [True]


def test_file_named_directly_is_read_whatever_its_suffix(tmp_path):
    (tmp_path / "LICENSE").write_bytes(b"\xef\xbb\xbffree")
    corpus = read(str(tmp_path / "LICENSE"), domain="law")
    assert [(d.id, d.text, d.domain) for d in corpus] == [("LICENSE", "free", "law")]


def test_ids_of_several_paths_are_distinct(folder, tmp_path):
    corpus = read([folder, folder / "b.txt", folder / "b.txt"])
    ids = [d.id for d in corpus]
    assert ids == [f"{tmp_path.name}/b.txt", f"{tmp_path.name}/inner/a.md", "b.txt", "b.txt#2"]


def test_jsonl_takes_id_domain_and_metadata(tmp_path):
    path = jsonl(
        tmp_path / "x.jsonl",
        {"text": "first", "id": 7, "domain": "d", "year": 1999},
        "",
        {"text": "second", "source": "s"},
        {"text": ""},
        {"text": "fourth"},
    )
    got = [(d.id, d.text, d.domain, dict(d.metadata)) for d in read(path)]
    assert got == [
        ("7", "first", "d", {"year": 1999}),
        ("x.jsonl:3", "second", "s", {"source": "s"}),
        ("x.jsonl:5", "fourth", "text", {}),
    ]


def test_jsonl_may_name_another_field_and_repeat_ids(tmp_path):
    rows = [{"body": "a", "id": "k"}, {"body": "b", "id": "k"}, {"body": "c", "id": "k#2"}]
    corpus = read(jsonl(tmp_path / "x.jsonl", *rows), field="body")
    assert [d.text for d in corpus] == ["a", "b", "c"]
    assert len({d.id for d in corpus}) == 3


def test_missing_file_names_the_near_miss(folder):
    (folder / "corpus.txt").write_text("x", "utf-8")
    message = refused(folder / "corpsu.txt")
    assert str(folder / "corpsu.txt") in message
    assert "Did you mean 'corpus.txt'?" in message
    assert "nor does the folder" in refused(folder / "nowhere" / "x.txt")


def test_folder_without_text_says_what_it_found(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    message = refused(tmp_path)
    assert str(tmp_path) in message
    assert "1 × .png" in message


def test_invalid_utf8_names_file_line_and_byte(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"fine\ncaf\xe9\n")
    message = refused(path)
    assert f"{path}, line 2: byte 8 (0xe9)" in message
    assert "convert" in message


def test_invalid_utf8_inside_a_folder_is_skipped_and_reported(folder):
    (folder / "latin.txt").write_bytes(b"caf\xe9")
    corpus = read(folder)
    assert len(corpus) == 2
    assert any("latin.txt, line 1: byte 3" in line for line in corpus.skipped)


def test_bad_json_names_file_and_line(tmp_path):
    path = jsonl(tmp_path / "x.jsonl", {"text": "a"}, "{'text': 1}")
    assert f"{path}, line 2, column 2: this is not valid JSON" in refused(path)
    path = jsonl(tmp_path / "y.jsonl", "[1]")
    assert f"{path}, line 1: this is a JSON list, not an object" in refused(path)


def test_missing_field_names_line_fields_and_near_miss(tmp_path):
    path = jsonl(tmp_path / "x.jsonl", {"text": "a"}, {"texts": "b", "year": 1})
    message = refused(path)
    assert f"{path}, line 2: there is no field 'text' (fields here: texts, year)" in message
    assert "Did you mean 'texts'?" in message


def test_field_that_is_no_text_names_line(tmp_path):
    path = jsonl(tmp_path / "x.jsonl", {"text": 3})
    assert f"{path}, line 1: the field 'text' is int, not a string" in refused(path)
    path = jsonl(tmp_path / "y.jsonl", '{"text": "\\ud800"}')
    assert f"{path}, line 1: the field 'text' holds half a surrogate" in refused(path)


def test_nothing_but_empty_documents(tmp_path):
    path = tmp_path / "blank.txt"
    path.write_text(" \n\n", "utf-8")
    message = refused(path)
    assert str(path) in message
    assert "empty" in message
    assert "No path" in refused([])


def test_what_was_learned_from_a_folder_is_no_part_of_it(tmp_path):
    for name in ("a.txt", "runs/a-1/recipe.toml", "runs/a-1/metrics.jsonl", "mixed/likely.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    assert [document.id for document in read(tmp_path)] == ["a.txt"]
