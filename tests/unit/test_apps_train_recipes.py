"""`likely train --kind …` as somebody types it."""

import json

import pytest

from likely.apps import _run_report
from likely.core.vocabulary import Vocabulary
from likely.models.load import load
from likely.models.transformer import transformer
from likely.train.run import read_run
from tests.unit.test_apps_cli import here
from tests.unit.test_data_split import prose

CPU = ("--device", "cpu")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A model, answers, pairs and notes, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_run_report, "SAMPLE_TOKENS", 4)  # Most of the time goes there.
    transformer(Vocabulary.of_bytes(), layers=1, width=16, heads=2, context=32).save(
        tmp_path / "base"
    )
    sums = [(f"{a}+{b}=", str(a + b), str(a + b + 1)) for a in range(5) for b in range(6)]
    for name, columns in (
        ("answers", ("prompt", "completion")),
        ("pairs", ("prompt", "chosen", "rejected")),
    ):
        lines = [json.dumps(dict(zip(columns, row, strict=False))) + "\n" for row in sums]
        (tmp_path / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "tale.txt").write_text(prose(50, 60), encoding="utf-8")
    return tmp_path


def test_a_model_is_adapted_then_aligned_then_sharpened(capsys, folder):
    words = ("train", "--kind", "adapt", "--data", "answers.jsonl", "--start", "base", *CPU)
    code, out, err = here(capsys, *words, "--lr", "0.01", "--out", "adapted")
    assert code == 0, err
    assert "Examples: 27 to train on, 3 to look at meanwhile (validation)." in err
    assert "Model: base, all weights, by cross_entropy; steps of adamw at rate 0.01." in err
    assert "Steps: 11 of 8 examples = 3.26 passes over them." in err
    assert "The model is in adapted" in out
    pytest.importorskip("peft", reason="peft is not installed")
    words = ("train", "--kind", "align", "--data", "pairs.jsonl", "--start", "adapted", *CPU)
    code, out, err = here(capsys, *words, "--lora", "2", "--out", "aligned", "--json")
    assert code == 0, err
    assert "adapters of rank 2, by dpop(beta=0.1, penalty=0); steps of adamw at rate 0.0002" in err
    assert 0 <= json.loads(out)["preferred"] <= 1
    assert (folder / "aligned" / "adapter" / "adapter_config.json").is_file()
    assert load("aligned").parameters_count == load("base").parameters_count
    words = ("train", "--kind", "sharpen", "--data", "answers.jsonl", "--start", "adapted", *CPU)
    code, out, err = here(capsys, *words, "--rollouts", "3", "--out", "sharpened")
    assert code == 0, err
    assert "Prompts: 30, of which 3 are kept to look at; 90 answers." in err
    assert read_run("sharpened").recipe.rollouts.count == 3
    code, out, err = here(capsys, "train", "--resume", "sharpened", *CPU)
    assert code == 0, err
    assert "This run is finished" in err
    # Another kind from the recipe of a run: what came of the first kind goes with it.
    words = ("train", "adapted/recipe.toml", "--kind", "align", "--data", "pairs.jsonl", *CPU)
    code, out, err = here(capsys, *words, "--steps", "3", "--out", "again")
    assert code == 0, err
    assert read_run("again").recipe.objective == "dpop(beta=0.1, penalty=0)"


def test_a_teacher_is_distilled_and_a_model_goes_on(capsys, folder):
    small = ("--steps", "4", "--length", "16", *CPU)
    words = ("train", "--data", "tale.txt", "--start", "base", *small)
    code, out, err = here(capsys, *words, "--out", "further")
    assert code == 0, err
    assert "Model: base, to begin from; steps of adamw at rate 5e-05." in err
    assert "Held-out text" in out
    model = "transformer(layers=1, width=8, heads=2, context=16)"
    words = ("train", "--kind", "distil", "--teacher", "base", "--data", "tale.txt", *small)
    code, out, err = here(capsys, *words, "--model", model, "--out", "distilled")
    assert code == 0, err
    assert read_run("distilled").recipe.roles == {"teacher": "base"}
    assert read_run("distilled").recipe.objective == "plackett_luce"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "adpt"), 'Did you mean "adapt"?'),
        (("--kind", "adapt", "--start", "base"), "--data FILE.jsonl"),
        (("--kind", "adapt", "--data", "answers.jsonl"), "name one with --start"),
        (
            ("--kind", "adapt", "--data", "answers.jsonl", "--start", "base", "--minutes", "1"),
            "give --steps",
        ),
        (("--kind", "align", "--data", "answers.jsonl", "--start", "base"), "take kind='adapt'"),
        (("--kind", "adapt", "--data", "pairs.jsonl", "--start", "base"), "take kind='align'"),
        (("--kind", "adapt", "--data", "embedded", "--start", "base"), "give a JSONL file"),
        (("--kind", "adapt", "--data", "answers.jsonl", "--start", "bse"), "bse"),
        (
            ("--kind", "distil", "--data", "tale.txt", "--steps", "2", "--length", "8"),
            "'teacher'",
        ),
    ],
)
def test_a_mistake_is_a_sentence(capsys, folder, words, said):
    code, _, err = here(capsys, "train", *words, *CPU)
    assert code == 2
    assert said in err
    assert "Traceback" not in err
