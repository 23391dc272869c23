"""What a study shows beside its numbers: loss curves, and what the models write."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from likely.core.disk import write_whole
from likely.core.errors import BadInput
from likely.decode._generate import generate
from likely.models.reader import Reader
from likely.train._answers import asked_in
from likely.train._judged import NEW_TOKENS, prompts_of
from likely.train.comparison import Comparison
from likely.train.exam import Asked, Exam
from likely.train.run import Run

SEEN = "seen"
"""Folder of these files in that of a study."""
FORMAT = 1
"""Of these files."""
SAMPLES, POINTS = 3, 150
"""Samples of a model, and points of a curve at most."""


@dataclass(frozen=True)
class Seen:
    """One training.

    Args:
        recipe: by what it trained, as TOML, with seed 0.
        seed: of the training.
        steps: at which the loss was logged.
        loss: the objective's own, at these steps; None where it was not finite.
        samples: `prompt`, `text` that the model drew after it and `real`, what really followed.
    """

    recipe: str
    seed: int
    steps: tuple[int, ...]
    loss: tuple[float | None, ...]
    samples: tuple[Mapping[str, str], ...]


def note(path: Path, recipe: str, seed: int, run: Run, exam: Exam) -> None:
    """Write down what a training shows.

    Args:
        path: file to write.
        recipe: by what it trained, as TOML.
        seed: of the training.
        run: the training.
        exam: what prompts are taken from: its text, or its answers.
    """
    rows = run.training[:: 1 + len(run.training) // POINTS]
    steps, loss = [int(row["step"]) for row in rows], [row["loss"] for row in rows]
    made = Seen(recipe, seed, tuple(steps), tuple(loss), _samples(run.model, exam))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps({"format": FORMAT, **asdict(made)}, ensure_ascii=False) + "\n")


def _samples(reader: Reader, exam: Exam) -> tuple[Mapping[str, str], ...]:
    try:
        asked, new_tokens = _asked(exam)
    except BadInput:  # Documents too short to cut a prompt from.
        return ()
    prompts = asked.prompts[:SAMPLES]
    rng = torch.Generator().manual_seed(0)
    ends = exam.answers is not None  # Answers end; text that was cut goes on.
    written = generate(reader, prompts, max_new_tokens=new_tokens, rng=rng, stop=ends)
    rows = zip(prompts, written, asked.wanted, strict=False)
    return tuple({"prompt": p, "text": t, "real": str(w)} for p, t, w in rows)


def _asked(exam: Exam) -> tuple[Asked, int]:
    """Prompts with what really followed, and how many tokens are written after each."""
    if exam.answers is not None:
        return asked_in(exam.answers, SAMPLES), NEW_TOKENS
    assert exam.test is not None
    return prompts_of(exam.test)


def seen_in(folder: Path, comparison: Comparison) -> dict[str, tuple[Seen, ...]]:
    """What the trainings of a study show, by arm, in the order of their seeds.

    Args:
        folder: of the study.
        comparison: what came of it.

    Returns:
        Arm → trainings; no arm of which nothing was kept.

    Raises:
        BadInput: a file is damaged or of another format.
    """
    from likely.train._check import build
    from likely.train.recipe import to_toml

    by_recipe: dict[str, list[Seen]] = {}
    for path in sorted((folder / SEEN).glob("*.json")):
        one = _read(path)
        by_recipe.setdefault(one.recipe, []).append(one)
    found = {}
    for arm in comparison.arms:
        some = by_recipe.get(to_toml(build(arm.recipe, arm.name)), [])
        by_seed = {one.seed: one for one in some if one.seed in comparison.seeds}
        if by_seed:
            found[arm.name] = tuple(by_seed[seed] for seed in sorted(by_seed))
    return found


def _read(path: Path) -> Seen:
    try:
        plain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if plain.pop("format") != FORMAT:
            raise ValueError("another format")
        lists = {name: tuple(plain[name]) for name in ("steps", "loss", "samples")}
        return Seen(**{**plain, **lists})
    except (ValueError, KeyError, TypeError) as problem:
        raise BadInput(
            f"{path}: this file is damaged ({problem}). Delete the folder it is in for a report "
            "without curves and samples."
        ) from problem
