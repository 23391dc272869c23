"""`likely train` as a newcomer types it."""

import json
import re

import pytest
import torch

from likely.apps import _first_run
from likely.apps._run_folder import name_of
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.tokens import encode
from likely.models.load import load
from likely.train import _setup
from likely.train.recipe import load_recipe
from likely.train.run import read_run
from likely.train.sizes import SHAPES
from tests.unit.test_apps_cli import here
from tests.unit.test_data_split import prose

SMALL = ["--model", "feed_forward(width=8)", "--device", "cpu"]


@pytest.fixture
def notes(tmp_path, monkeypatch):
    """A folder with notes in it, as the working directory."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "notes"
    folder.mkdir()
    for n in range(12):
        (folder / f"{n}.md").write_text(prose(n, 30), encoding="utf-8")
    (tmp_path / "tale.txt").write_text(prose(50, 120), encoding="utf-8")
    return folder


def files(folder):
    return [f"notes/{path.name}" for path in sorted(folder.glob("*.md"))]


def test_notes_train_the_first_time(capsys, notes):
    code, out, err = here(capsys, "train", "--data", *files(notes), "--device", "cpu")
    assert code == 0, err
    assert "Text: 12 documents, 3 kB" in err
    assert re.search(r"Model: transformer\(layers=\d.*a larger one wants more text", err)
    assert re.search(r"Steps: \d+ of 4 × 64 tokens = \d.*passes.*tokens/s measured on", err)
    assert "Folder: runs/notes-1" in err
    assert "bits per byte" in out
    assert "5-gram" in out
    assert "likely generate runs/notes-1" in out
    assert here(capsys, "generate", "runs/notes-1", "--max-new-tokens", "3")[0] == 0
    run = read_run("runs/notes-1")
    assert run.recipe.data == tuple(files(notes))
    assert run.recipe.steps * 4 * 64 <= 6.5 * run.recipe.steps * 4 * 64
    assert load_recipe("runs/notes-1/recipe.toml") == run.recipe
    # The recipe is complete: the same steps, now as they are written.
    again = here(capsys, "train", "runs/notes-1/recipe.toml", "--out", "again", "--device", "cpu")
    assert again[0] == 0, again[2]
    losses = [[row["loss"] for row in read_run(at).training] for at in ("runs/notes-1", "again")]
    assert losses[0] == losses[1]


def test_what_is_given_wins(capsys, notes):
    words = ["train", "--data", "notes", *SMALL, "--steps", "3", "--rows", "2", "--length", "16"]
    words += ["--optimizer", "sgd", "--schedule", "wsd(decay_share=0.5, warmup=1)", "--seed", "7"]
    code, out, err = here(capsys, *words, "--json")
    assert code == 0, err
    said = json.loads(out)
    assert said["folder"] == "runs/notes-1"
    assert {"bits_per_byte", "five_gram", "xz_given_training_text"} <= said["held_out"].keys()
    recipe = load_recipe("runs/notes-1/recipe.toml")
    assert (recipe.steps, recipe.rows, recipe.length, recipe.seed) == (3, 2, 16, 7)
    assert recipe.model == "feed_forward(width=8)"
    assert (recipe.optimizer.name, recipe.optimizer.lr) == ("sgd", 0.1)
    assert (recipe.schedule.name, recipe.schedule.warmup) == ("wsd", 1)
    assert recipe.schedule.decay_share == 0.5
    assert "as you said" in err
    assert here(capsys, *words)[0] == 0
    assert read_run("runs/notes-2").finished


def test_another_optimizer_of_a_recipe_gets_its_own_rate(capsys, notes):
    (notes.parent / "r.toml").write_text(
        'data = ["notes"]\nmodel = "feed_forward(width=8)"\nsteps = 2\nlength = 16\nrows = 2\n'
        "[schedule]\nwarmup = 0\n[optimizer]\nlr = 0.01\nclip = 0.5\n"
    )
    for words, rate in ((["--optimizer", "sign"], 1e-3), (["--lr", "0.2"], 0.2), ([], 0.01)):
        folder = f"run{rate}"
        code, _, err = here(capsys, "train", "r.toml", *words, "--out", folder, "--device", "cpu")
        assert code == 0, err
        optimizer = load_recipe(f"{folder}/recipe.toml").optimizer
        assert optimizer.lr == rate
        assert optimizer.clip == 0.5


def test_one_text_is_cut_and_says_so(capsys, notes):
    words = ["train", "--data", "tale.txt", *SMALL, "--steps", "2"]
    code, out, err = here(capsys, *words)
    assert code == 0, err
    assert "last fifth of each" in err
    assert "Folder: runs/tale-1" in err
    assert "Held-out text" in out


def test_an_ngram_is_counted(capsys, notes):
    words = ["train", "--data", "notes", "--model", "ngram(order=3)"]
    code, out, err = here(capsys, *words)
    assert code == 0, err
    assert "Counted" in out
    assert load("runs/notes-1").order == 3
    code, out, _ = here(capsys, *words, "--json")
    assert json.loads(out)["held_out"]["counted"] is True
    code, _, err = here(capsys, *words, "--steps", "3")
    assert code == 2
    assert "leave these options out: --steps" in err


def test_a_finished_run_says_so(capsys, notes):
    words = ["train", "--data", "notes", *SMALL, "--steps", "2", "--out", "run"]
    assert here(capsys, *words)[0] == 0
    code, out, err = here(capsys, "train", "--resume", "run")
    assert code == 0
    assert "took all its 2 steps" in err
    assert "likely generate run" in out
    for path in (notes.parent / "run").rglob("model/*"):
        path.unlink()
    (notes.parent / "run" / "model").rmdir()
    code, out, err = here(capsys, "train", "--resume", "run", "--device", "cpu")
    assert code == 0, err
    assert "Held-out text" in out


def test_too_many_passes_are_named(capsys, notes):
    (notes.parent / "tiny.txt").write_text("to be or not to be, that is the question. " * 8)
    code, _out, err = here(
        capsys, "train", "--data", "tiny.txt", *SMALL, "--steps", "200", "--rows", "1"
    )
    assert code == 0, err
    assert "beyond 6 it begins to learn the text by heart" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "No text was given: likely train --data notes/*.md"),
        (["--data"], "No text was given"),
        (["tale.txt"], "likely train --data tale.txt"),
        (["tale.tx"], "tale.tx is not there. Did you mean 'tale.txt'?"),
        (["notes/1.md", "notes/2.md"], "likely train --data notes/1.md notes/2.md"),
        (["notes"], "likely train --data notes"),
        (["a.toml", "b.toml"], "One recipe at a time"),
        (["--data", "nots"], "Did you mean 'notes'?"),
        (["--data", "bytes.dat"], "bytes.dat, line 2: byte"),
        (["--data", "empty.txt"], "empty.txt"),
        (["--data", "short.txt"], "too little to learn from"),
        (["--data", "tale.txt", "--minutes", "0"], "--minutes 0 should be more than 0"),
        (["--data", "tale.txt", "--minutes", "1", "--steps", "3"], "leave --minutes out"),
        (["--data", "tale.txt", "--steps", "0"], "steps=0 should be at least 1"),
        (["--data", "tale.txt", "--lr", "0"], "optimizer.lr=0.0 should be more than 0"),
        (["--data", "tale.txt", "--optimizer", "adam"], "Did you mean 'adamw'"),
        (["--data", "tale.txt", "--schedule", "cosin"], "Did you mean 'cosine'"),
        (["--data", "tale.txt", "--schedule", "wsd(share=1)"], "'schedule.share'"),
        (["--data", "tale.txt", "--objective", "focl"], "Did you mean 'focal'?"),
        (["--data", "tale.txt", "--model", "gpt2"], "pretrained(path="),
        (["--data", "tale.txt", "--model", "openai-community/gpt2"], "pretrained(path="),
        (["--data", "tale.txt", "--model", "transformer(layer=2)"], "Did you mean 'layers'?"),
        (["--data", "tale.txt", "--device", "tpu"], "device='tpu' should be 'cpu'"),
        (["--data", "tale.txt", "--out", "tale.txt"], "tale.txt is a file"),
        (["--data", "tale.txt", "--out", "old"], "There is a run already"),
        (["old"], "old is a run. Go on with it: likely train --resume old"),
        (["--resume", "old", "--minutes", "3"], "goes without --minutes"),
    ],
)
def test_a_beginners_mistake_is_a_sentence(capsys, notes, words, said):
    here_ = notes.parent
    (here_ / "bytes.dat").write_bytes(bytes(range(256)))
    (here_ / "empty.txt").write_text("")
    (here_ / "short.txt").write_text("hi")
    (here_ / "old").mkdir()
    (here_ / "old" / "recipe.toml").write_text("")
    before = sorted(here_.rglob("*"))
    code, out, err = here(capsys, "train", *words)
    assert code == 2
    assert not out
    assert said in err
    assert "Traceback" not in err
    assert sorted(here_.rglob("*")) == before


def choose(tokens, speed, monkeypatch, minutes=None, **given):
    vocabulary = Vocabulary.of_bytes()
    text = "x" * (tokens - 1)
    train = encode(Corpus("c", (Document("a", text),)), vocabulary)
    monkeypatch.setattr(_first_run, "_speed", lambda *_: speed)
    validation = train.select([0])
    return _first_run.choose(given, train, validation, minutes, _setup.processes("cpu"))


def test_a_slow_machine_gets_a_smaller_model(monkeypatch):
    quick = choose(1_000_000, 20_000.0, monkeypatch)
    slow = choose(1_000_000, 500.0, monkeypatch)
    assert quick.recipe.model == SHAPES[3].model
    assert slow.recipe.model == SHAPES[1].model
    assert "--minutes" in slow.why[0]
    for choice, speed in ((quick, 20_000.0), (slow, 500.0)):
        recipe = choice.recipe
        assert recipe.steps * recipe.rows * recipe.length <= 120 * speed
        assert recipe.steps * recipe.rows * recipe.length > 100 * speed
    more = choose(1_000_000, 20_000.0, monkeypatch, minutes=4.0)
    assert more.recipe.steps == pytest.approx(2 * quick.recipe.steps, abs=1)
    assert "about 2 minutes" in quick.why[1]


def test_little_text_is_not_read_too_often(monkeypatch):
    for tokens in (500, 5_000, 50_000):
        recipe = choose(tokens, 20_000.0, monkeypatch, minutes=60.0).recipe
        read = recipe.steps * recipe.rows * recipe.length
        assert read <= max(6 * tokens, 10 * recipe.rows * recipe.length)
        assert recipe.evaluate_every <= recipe.steps


def test_length_and_model_fit_each_other(monkeypatch):
    assert "context=48" in choose(5_000, 1e4, monkeypatch, length=48).recipe.model
    given = choose(1_000_000, 1e4, monkeypatch, model="transformer(layers=1, context=32)").recipe
    assert given.length == 32
    assert (
        choose(1_000_000, 1e4, monkeypatch, model="feed_forward").recipe.optimizer.name == "adamw"
    )


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (("notes/a.md", "notes/b.md"), "notes"),
        (("my text.txt",), "my-text"),
        (("embedded",), "embedded"),
        (("s3://bucket/some/*.jsonl",), "some"),
        (("book.jsonl.zst",), "book.jsonl"),
        (("/",), "text"),
    ],
)
def test_runs_are_named_after_their_text(data, name):
    assert name_of(data) == name


def test_threads_are_left_alone(capsys, notes):
    before = torch.get_num_threads()
    here(capsys, "train", "--data", "tale.txt", *SMALL, "--minutes", "0.01")
    assert torch.get_num_threads() == before
