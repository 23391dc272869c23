"""`likely measure`, and runs that read what it wrote."""

import json

import pytest

from likely.core.vocabulary import Vocabulary
from likely.data.files import read
from likely.data.tokens import encode
from likely.data.within import split_any
from likely.models.load import load
from likely.models.transformer import transformer
from likely.train.loop import run
from likely.train.recipe import Optimizer, Recipe, Schedule
from tests.unit.test_apps_cli import here

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A model, a text, and pairs."""
    folder = tmp_path_factory.mktemp("measure")
    small = transformer(Vocabulary.of_bytes(), layers=1, width=16, heads=2, context=64)
    small.save(folder / "model")
    story = "".join(f"Line {n} of a story of {n * n} lines.\n" for n in range(60))
    (folder / "story.txt").write_text(story)
    pairs = [
        {"prompt": f"{n} + 1 = ", "chosen": f"{n + 1}", "rejected": f"{n - 1}, I think"}
        for n in range(20)
    ]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    return folder


def recipe(**given):
    return Recipe(
        steps=6, length=32, rows=4, log_every=1, schedule=Schedule(warmup=0),
        optimizer=Optimizer(lr=0.01), **given,
    )  # fmt: skip


def test_pairs_are_aligned_with_a_stored_reference_as_with_a_live_one(made, tmp_path, capsys):
    model, pairs, out = (str(made / name) for name in ("model", "pairs.jsonl", "reference"))
    words = ("measure", model, pairs, "--examples", "--length", "32", "--out", out)
    code, said, _ = here(capsys, *words, "--json")
    assert code == 0
    row = json.loads(said)
    assert row["columns"] == {"reference_log_prob": ["float32", 0]}
    assert row["documents"] == 40
    given = {"kind": "align", "start": model, "data": (pairs,)}
    live, stored = (
        run(recipe(**given, sidecars=columns), folder=tmp_path / name, device="cpu")
        for name, columns in (("live", ()), ("stored", (out,)))
    )
    losses = [[row["loss"] for row in one.metrics if "loss" in row] for one in (live, stored)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert losses[0][-1] < losses[0][0]
    # Prompts that are cut elsewhere are another text.
    code, _, err = here(
        capsys, "train", "--kind", "align", "--start", model, "--data", pairs, "--sidecars", out,
        "--length", "16", "--steps", "2", "--out", str(tmp_path / "cut"),
    )  # fmt: skip
    assert code == 2
    assert "this sidecar was measured on another text" in err


def test_a_stored_teacher_is_learned_from(made, tmp_path, capsys):
    model, story, out = (str(made / name) for name in ("model", "story.txt", "teacher"))
    words = ("measure", model, story, "--role", "teacher", "--want", "top(k=8)", "log_prob")
    words += ("--part", "train", "--stored", "float16", "--length", "32", "--out", out)
    code, said, _ = here(capsys, *words)
    assert code == 0
    assert f'sidecars = ["{out}"]' in said
    count = len(encode(split_any(read(story)).train, load(model).vocabulary).ids)
    assert f"of {count:,} tokens" in said
    code, again, _ = here(capsys, *words)  # nothing is left to do
    assert (code, again) == (0, said)
    given = {"kind": "distil", "data": (story,), "sidecars": (out,)}
    given |= {"model": "transformer(layers=1, width=16, heads=2)"}
    for objective in ("plackett_luce", "knowledge_distillation"):
        done = run(recipe(**given, objective=objective), folder=tmp_path / objective, device="cpu")
        losses = [row["loss"] for row in done.metrics if "loss" in row]
        assert losses[-1] < losses[0]


def test_mistakes_are_told(made, tmp_path, capsys):
    model, story, out = str(made / "model"), str(made / "story.txt"), str(tmp_path / "out")

    def said(*words):
        code, _, err = here(capsys, "measure", *words)
        assert code == 2
        return err

    assert "needs DATA" in said(model, "--out", out)
    assert "--out" in said(model, story)
    assert "Did you mean 'log_prob'" in said(model, story, "--want", "logprob", "--out", out)
    assert "neither JSONL nor Parquet" in said(model, story, "--examples", "--out", out)
    assert "device='gpu' should be 'cpu'" in said(model, story, "--device", "gpu", "--out", out)
    assert "a sidecar is finished as it was begun" in _twice(said, capsys, model, story, out)


def _twice(said, capsys, model, story, out):
    assert here(capsys, "measure", model, story, "--out", out)[0] == 0
    return said(model, story, "--want", "entropy", "--out", out)
