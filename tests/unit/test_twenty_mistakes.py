"""Ways to hold it wrong: each ends in one sentence that a beginner can act on.

A new mistake is one line of `MISTAKES`: what it is, the words after `likely`, what the message must
hold. Words in braces are things of the fixture `place`: `{model}` is a folder with a model.
"""

import gzip
import json
import os
import re
import shlex
import subprocess
import sys

import pyarrow as arrow
import pytest
import zstandard
from pyarrow import parquet

from likely.apps import cli
from likely.core.vocabulary import Vocabulary
from likely.models.feed_forward import feed_forward

ACT = re.compile(
    r"\b(give|leave|name|try|use|write|install|check|choose|convert|copy|build|see|go on|"
    r"Did you mean|should be|needs|quotes|Known|holds one complete|likely \w+ --\w+)\b",
    re.IGNORECASE,
)

MISTAKES = [
    # Commands and options.
    ("wrong command", "trian", ['"trian"', 'Did you mean "train"']),
    ("wrong option", "train --stesp 4", ["--stesp", "Did you mean --steps"]),
    ("option without value", "train --steps", ["--steps needs a value"]),
    ("word for a number", "train --steps many --out r", ["--steps", "'many'", "a whole number"]),
    ("fraction of a seed", "train --seed 1.5 --out r", ["--seed", "'1.5'", "a whole number"]),
    ("missing argument", "evaluate", ["needs MODEL", "likely evaluate --help"]),
    ("prompt without option", "generate {model} once upon", ["'once upon'", "quotes"]),
    ("wrong room", "list objectivs", ["'objectivs'", "Did you mean 'objectives'"]),
    ("two sizes of the job", "quickstart --fast --long", ["--fast", "give one"]),
    ("out is a file", "quickstart --out text.txt", ["text.txt", "name a folder"]),
    ("no text to train on", "train", ["likely train --data notes/*.md"]),
    ("minutes that are none", "train --data a.txt --minutes 0", ["--minutes 0", "more than 0"]),
    ("wrong option of doctor", "doctor --jsn", ["--jsn", "Did you mean --json"]),
    # Names and settings.
    ("misspelt objective", "train --objective focl --out r", ["'focl'", "Did you mean 'focal'"]),
    (
        "hyphen for underscore",
        "train --objective cross-entropy --out r",
        ["'cross-entropy'", "Did you mean 'cross_entropy'"],
    ),
    (
        "setting out of range",
        "train --objective 'focal(gamma=-1)' --out r",
        ["gamma=-1", "should be at least 0"],
    ),
    (
        "misspelt setting",
        "train --objective 'focal(gama=1)' --out r",
        ["'gama'", "Did you mean 'gamma'"],
    ),
    (
        "setting without name",
        "train --objective 'focal(2)' --out r",
        ["focal(2)", "focal(gamma=2)"],
    ),
    (
        "n-gram by gradients",
        "train --data a.txt b.txt --model ngram --lr 1 --steps 9",
        ["leave these options out: --steps, --optimizer or --lr"],
    ),
    ("model of a hub", "train --data a.txt --model gpt2 --out r", ["'gpt2'", "pretrained(path="]),
    ("tokenizer by another name", "train --data a.txt --tokenizer bpee --out r", ["'bpe'"]),
    ("vocabulary that is too small", "train --data a.txt --tokenizer bpe(size=9)", ["size=9"]),
    ("negative seed", "train --seed -1 --out r", ["seed=-1", "should be at least 0"]),
    ("precision by another name", "train --precision fp16 --out r", ["'fp16'", "'bfloat16'"]),
    ("unknown optimizer", "train --optimizer adamm --out r", ["'adamm'", "Did you mean 'adamw'"]),
    (
        "several at once",
        "train --steps 0 --lr -1 --rows 0 --precision fp16 --out r",
        ["4 settings are wrong", "steps=0", "optimizer.lr=-1", "rows=0", "precision='fp16'"],
    ),
    ("unknown sampler", "generate {model} --sampler nucleus", ["'nucleus'", "Known", "top_p"]),
    ("misspelt sampler", "generate {model} --sampler minp", ["'minp'", "Did you mean 'min_p'"]),
    (
        "sampler setting as word",
        "generate {model} --sampler \"top_p(p='high')\"",
        ["p='high'", "should be a number"],
    ),
    ("sampler as option", "generate {model} --sampler top_k=5", ["top_k=5", "Write a name"]),
    ("fewer than no tokens", "generate {model} --max-new-tokens -1", ["=-1", "at least 0"]),
    ("negative seed of samples", "generate {model} --seed -1", ["seed=-1", "at least 0"]),
    # Recipes.
    (
        "recipe with wrong keys",
        "train wrong.toml --out r",
        [
            "wrong.toml",
            "line 1",
            "'stepz'",
            "Did you mean 'steps'",
            "line 3",
            "optimizer.lr='fast'",
        ],
    ),
    (
        "recipe with one wrong key in a table",
        "train nested.toml --out r",
        ["nested.toml: line 2", "'optimizer.momentumm'", "Did you mean 'momentum'"],
    ),
    ("recipe that is text", "train text.txt --out r", ["text.txt", "--data text.txt"]),
    ("recipe with a slip", "train syntax.toml --out r", ["syntax.toml", "line 2", "Give a recipe"]),
    (
        "recipe that is no more",
        "train wrog.toml --out r",
        ["wrog.toml", "Did you mean 'wrong.toml'"],
    ),
    ("recipe that is a folder", "train empty --out r", ["empty", "--data empty"]),
    # Runs.
    ("out that holds a run", "train --data a.txt b.txt --out run", ["run", "give another --out"]),
    ("resume of nothing", "train --resume nowhere", ["nowhere holds no run", "name the --out"]),
    (
        "resume with other options",
        "train --resume run --steps 5 --lr 1",
        ["without --steps, --lr", "likely train --resume run"],
    ),
    ("unfinished run", "generate run", ["not finished", "likely train --resume run"]),
    # Models.
    ("model that is nowhere", "generate nowhere", ["nowhere is no folder", "Give the folder"]),
    ("model that is a file", "evaluate text.txt text.txt", ["text.txt is no folder", "Give"]),
    ("folder without a model", "generate texts", ["texts has no likely.json", "Give the folder"]),
    ("damaged model", "generate damaged", ["damaged", "copy them again"]),
    ("damaged card", "evaluate card text.txt", ["card", "damaged"]),
    # Texts.
    (
        "path that is nowhere",
        "train --data txet.txt --out r",
        ["txet.txt", "Did you mean 'text.txt'"],
    ),
    ("empty file", "train --data empty.txt --out r", ["empty.txt", "give at least one"]),
    ("binary file", "train --data binary.bin --out r", ["binary.bin", "UTF-8"]),
    ("invalid UTF-8", "train --data latin.txt --out r", ["latin.txt, line 2", "convert"]),
    ("lines without the field", "train --data field.jsonl --out r", ["line 1", "'text'", "body"]),
    ("broken line", "train --data broken.jsonl --out r", ["broken.jsonl, line 3", "JSON"]),
    ("empty folder", "evaluate {model} empty", ["empty", "name the files"]),
    ("no text", "evaluate {model}", ["needs CORPUS"]),
    ("too little text", "train --data tiny.txt --out r", ["11 bytes", "give at least 200 bytes"]),
    ("cut gzip", "evaluate {model} cut.txt.gz", ["cut.txt.gz", "ends in the middle", "copy or"]),
    ("cut zstd", "evaluate {model} cut.jsonl.zst", ["cut.jsonl.zst", "ends in the middle"]),
    ("gzip in name only", "evaluate {model} plain.txt.gz", ["plain.txt.gz", "without .gz"]),
    ("table in name only", "evaluate {model} plain.parquet", ["plain.parquet", "Parquet"]),
    (
        "column by another name",
        "evaluate {model} rows.parquet --field txet",
        ["rows.parquet", "'txet'", "Did you mean 'text'"],
    ),
    ("pattern without a file", "evaluate {model} *.markdown", ["*.markdown"]),
    ("address nobody knows", "evaluate {model} s4://here/there", ["s4://here/there"]),
    ("data set without a name", "evaluate {model} dataset:", ["name a data set"]),
    ("wrong word for skip", "evaluate {model} a.txt --on-error ignore", ["ignore", "skip"]),
    # Looking.
    ("nothing to look at", "view {model}", ["name a text"]),
    ("text and file", "view {model} a.txt --text hello", ["--text"]),
    ("binary file to look at", "view {model} binary.bin", ["binary.bin", "UTF-8"]),
    ("second model that is nowhere", "view {model} a.txt --against nowhere", ["nowhere"]),
    ("page where a folder stands", "view {model} a.txt --out empty", ["empty"]),
    ("no characters to look at", "view {model} a.txt --limit 0", ["limit=0"]),
    # Claims.
    ("claim by a wrong number", "reproduce 70 --claims claims", ["'70'", "Did you mean '7'"]),
    ("misspelt claim", "reproduce marbels --claims claims", ["'marbels'", "7_marbles"]),
    ("claim that is nowhere", "reproduce no.toml", ["no.toml", "cannot be read"]),
    (
        "claim with several mistakes",
        "reproduce claims/7_marbles.toml",
        [
            "settings are wrong",
            "line 1",
            "'clam'",
            "Did you mean 'claim'",
            "seeds=0",
            "[[decisions]]",
        ],
    ),
    ("no folder of claims", "reproduce --claims nowhere", ["nowhere is no folder"]),
    ("all and one", "reproduce 7 --all", ["'7'", "leave", "--all"]),
    ("budget that is none", "reproduce --all --budget soon", ["'soon'", "60m, 2h or 90s"]),
    ("budget of one claim", "reproduce 7 --budget 60m", ["likely reproduce --all --budget"]),
    ("no seeds", "reproduce 7 --seeds 0 --processes 0", ["seeds=0", "processes=0"]),
    ("seeds of nothing", "reproduce --seeds 6", ["Name a claim"]),
    ("wrong option of reproduce", "reproduce 7 --sedes 3", ["--sedes", "Did you mean --seeds"]),
    # Mixing and new entries.
    ("one model to mix", "mix {model} --fit-on a.txt --out mixed", ["two models or more"]),
    ("mixture where a folder stands", "mix {model} {model} --fit-on a.txt --out empty", ["empty"]),
    ("new entry that is there", "new objective focal --into new", ["focal"]),
    ("new entry without a name", "new objective 2fast --into new", ["2fast"]),
    ("new kind of entry", "new objectiv mine --into new", ["Did you mean", "objective"]),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with everything that can be mistaken for something else."""
    at = tmp_path_factory.mktemp("place")
    model = feed_forward(Vocabulary.of_bytes(), context=3, embedding=4, width=8)
    model.save(at / "model")
    model.save(at / "damaged")
    whole = (at / "damaged" / "model.safetensors").read_bytes()
    (at / "damaged" / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    for name in ("empty", "texts", "run", "card", "claims"):
        (at / name).mkdir()
    (at / "card" / "likely.json").write_text('{"format": 1, "kind": "feed')
    files = {
        "text.txt": "one line of text\n" * 20,
        "a.txt": "alpha beta gamma " * 40,
        "b.txt": "delta epsilon zeta " * 40,
        "empty.txt": "",
        "texts/a.txt": "text\n",
        "run/recipe.toml": "steps = 100\n",
        "field.jsonl": '{"body": "a"}\n',
        "broken.jsonl": '{"text": "a"}\n{"text": "b"}\n{"text": "c\n',
        "wrong.toml": 'stepz = 3\n[optimizer]\nlr = "fast"\n[schedule]\nname = "cosin"\n',
        "nested.toml": "[optimizer]\nmomentumm = 0.5\n",
        "syntax.toml": "steps = 3\nrows = = 4\n",
        "tiny.txt": "eleven of 11"[:11],
        "claims/7_marbles.toml": 'clam = "Marbles roll."\nseeds = 0\n',
        "plain.txt.gz": "not packed",
        "plain.parquet": "not a table",
    }
    for name, text in files.items():
        (at / name).write_text(text, encoding="utf-8")
    (at / "cut.txt.gz").write_bytes(gzip.compress(b"some text\n" * 90)[:-12])
    packed = zstandard.ZstdCompressor().compress(b'{"text": "a"}\n' * 90)
    (at / "cut.jsonl.zst").write_bytes(packed[:-4])
    parquet.write_table(arrow.table({"text": ["a", "b"]}), at / "rows.parquet")
    (at / "latin.txt").write_bytes(b"caf\nau caf\xe9\n")
    (at / "binary.bin").write_bytes(bytes(range(256)) * 4)
    return at


def listing(folder):
    """Every file below a folder and its size."""
    return {str(p.relative_to(folder)): p.stat().st_size for p in sorted(folder.rglob("*"))}


def judge(code, out, err, said):
    """What every mistake ends in."""
    assert code == 2, err
    assert not out
    assert "Traceback" not in err
    assert not re.search(r"<class|typing\.|object at 0x|Annotated\[", err), err
    text = err.strip()
    for part in said:
        assert part in text, text
    assert ACT.search(text), text
    first, *more = text.splitlines()
    if more:
        assert re.search(r"\d+ settings are wrong\.$", first), text
        assert all(line.startswith("  - ") for line in more), text
    assert len(first) < 500


@pytest.mark.parametrize(("words", "said"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_a_mistake_ends_in_a_sentence(capsys, monkeypatch, place, words, said):
    monkeypatch.chdir(place)
    before = listing(place)
    with pytest.raises(SystemExit) as left:
        cli.main(shlex.split(words.format(model="model")))
    out, err = capsys.readouterr()
    judge(left.value.code, out, err, said)
    assert listing(place) == before


@pytest.mark.parametrize("name", ["misspelt objective", "damaged model", "recipe with wrong keys"])
def test_in_a_process_of_its_own_too(place, name):
    words, said = next(m[1:] for m in MISTAKES if m[0] == name)
    before = listing(place)
    done = subprocess.run(
        [sys.executable, "-m", "likely", *shlex.split(words.format(model="model"))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=place,
    )
    judge(done.returncode, done.stdout, done.stderr, said)
    assert listing(place) == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(capsys, monkeypatch, place, tmp_path):
    monkeypatch.chdir(place)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(SystemExit) as left:
        cli.main(["train", "--data", "a.txt", "b.txt", "--steps", "1", "--out", f"{closed}/run"])
    out, err = capsys.readouterr()
    judge(left.value.code, out, err, ["Permission denied", "permissions"])


@pytest.mark.parametrize("out", ["text.txt", "text.txt/run"])
def test_a_run_where_a_file_stands(capsys, monkeypatch, place, out):
    monkeypatch.chdir(place)
    before = listing(place)
    words = ["train", "--data", "a.txt", "b.txt", "texts", "--steps", "1", "--length", "8"]
    with pytest.raises(SystemExit) as left:
        cli.main([*words, "--model", "feed_forward(width=4)", "--out", out, "--device", "cpu"])
    printed, err = capsys.readouterr()
    judge(left.value.code, printed, err.splitlines()[-1], ["text.txt"])
    assert listing(place) == before


def test_errors_of_the_disk_name_the_file(capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "run/model")

    monkeypatch.setattr(cli, "app", full)
    with pytest.raises(SystemExit) as left:
        cli.main([])
    out, err = capsys.readouterr()
    judge(left.value.code, out, err, ["run/model: No space left on device"])


def test_there_are_twenty_ways_and_they_differ():
    assert len(MISTAKES) >= 20
    assert len({name for name, _, _ in MISTAKES}) == len(MISTAKES)
    assert len({words for _, words, _ in MISTAKES}) == len(MISTAKES)
    assert json.dumps(MISTAKES)
