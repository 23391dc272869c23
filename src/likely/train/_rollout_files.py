"""Answers on disk: a line a prompt, so that what was drawn is never drawn again."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from likely.core.disk import write_whole
from likely.core.errors import BadInput
from likely.models.reader import Reader
from likely.train._rollouts import Answer, Draws, answers, chunks
from likely.train.recipe import Recipe

FORMAT = 1
NAME = "rollouts"


def draw(
    reader: Reader,
    prompts: Sequence[Sequence[int]],
    recipe: Recipe,
    folder: Path,
    share: tuple[int, int] = (0, 1),
) -> None:
    """Draw what is not there yet, and write every prompt's answers down as soon as they are.

    Args:
        reader: the model.
        prompts: their tokens, without BOS.
        recipe: its `rollouts` and `seed`.
        folder: of the run.
        share: this process's number, and how many there are.

    Raises:
        BadInput: the folder holds answers to other prompts.
    """
    rank, world = share
    there, settings = folder / NAME, recipe.rollouts
    there.mkdir(parents=True, exist_ok=True)
    said = {"format": FORMAT, **asdict(settings), "seed": recipe.seed, "prompts": _hash(prompts)}
    _same(there / "settings.json", said, rank)
    rngs = np.random.default_rng(recipe.seed).spawn(len(prompts))
    done = {place for place, _ in _lines(there)}
    path = there / f"part-{rank}.jsonl"
    _cut_open_line(path)
    with path.open("a", encoding="utf-8") as file:
        for turn, places in enumerate(chunks(prompts, settings.count)):
            if turn % world != rank or done.issuperset(places):
                continue
            found = answers(
                reader,
                [prompts[place] for place in places],
                [rngs[place] for place in places],
                count=settings.count,
                max_new_tokens=settings.tokens,
            )
            for place, draws in zip(places, found, strict=True):
                file.write(json.dumps(_as_json(place, draws, reader)) + "\n")
            file.flush()


def read(folder: Path, prompts: Sequence[Sequence[int]]) -> list[Draws]:
    """The answers to all prompts.

    Args:
        folder: of the run.
        prompts: their tokens.

    Returns:
        One a prompt, in order.

    Raises:
        BadInput: some are missing.
    """
    found = dict(_lines(folder / NAME))
    missing = [place for place in range(len(prompts)) if place not in found]
    if missing:
        raise BadInput(
            f"{folder / NAME}: answers to {len(missing)} of {len(prompts)} prompts are missing; go "
            f"on with: likely train --resume {folder}"
        )
    return [
        Draws(
            tuple(prompt),
            tuple(
                Answer(tuple(one["ids"]), one["log_prob"], one["ended"])
                for one in found[place]["answers"]
            ),
        )
        for place, prompt in enumerate(prompts)
    ]


def _same(path: Path, said: dict[str, Any], rank: int) -> None:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        if rank == 0:
            write_whole(path, json.dumps(said, indent=1) + "\n")
        return
    changed = [key for key, value in said.items() if kept.get(key) != value]
    if changed:
        raise BadInput(
            f"{path.parent} holds answers that were drawn with other {', '.join(changed)}: begin "
            "in another folder, or remove it."
        )


def _hash(prompts: Sequence[Sequence[int]]) -> str:
    listed = [[int(token) for token in prompt] for prompt in prompts]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]


def _as_json(place: int, draws: Draws, reader: Reader) -> dict[str, Any]:
    """A line; texts are for those who look into the file."""
    decode = reader.vocabulary.decode
    return {
        "prompt": place,
        "text": decode(draws.prompt),
        "best": decode(draws.best.ids),
        "answers": [
            {"ids": list(one.ids), "log_prob": one.log_prob, "ended": one.ended}
            for one in draws.answers
        ],
    }


def _lines(folder: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for path in sorted(folder.glob("part-*.jsonl")):
        text = path.read_bytes()
        for line in text[: text.rfind(b"\n") + 1].splitlines():
            entry = json.loads(line)
            yield entry["prompt"], entry


def _cut_open_line(path: Path) -> None:
    """Take away a last line that a killed process left unfinished."""
    if path.exists():
        text = path.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            with path.open("r+b") as file:
                file.truncate(whole)
