"""Run folders of `likely train` as rows: one a step that was logged or evaluated."""

import json
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from likely.core.errors import BadInput, first_line
from likely.forecast._numbers import places
from likely.forecast._raw import Raw, flattened, from_objects

_EMBEDDING = re.compile(r"(^|[._])(embed\w*|wte|wpe|lm_head|unembed\w*)([._]|$)")
_SETTINGS = ("seed", "steps", "length", "rows", "model", "objective", "start")


def is_run(path: Path) -> bool:
    """Whether a folder holds a run."""
    return (path / "recipe.toml").is_file()


def read_runs(folders: list[Path]) -> Raw:
    """Read runs.

    Args:
        folders: each with `recipe.toml` and `metrics.jsonl`.

    Returns:
        Rows with run, step, tokens, lr, batch_tokens, train_loss, loss (nats per token of
        validation text), what else was evaluated, params, params_no_embed, the recipe's settings.

    Raises:
        BadInput: a file in it is damaged.
    """
    objects: list[dict[str, Any]] = []
    rows: list[str] = []
    notes: list[str] = []
    without: list[str] = []
    unfinished: list[str] = []
    for folder, called in zip(folders, _names(folders), strict=True):
        recipe, found = _recipe(folder), _steps(folder)
        counted = _count(folder)
        if not counted:
            without.append(called)
        if not found or max(found) < recipe.get("steps", 0):
            unfinished.append(f"{called} (step {max(found, default=0)} of {recipe['steps']})")
        for step, (line, row) in sorted(found.items()):
            objects.append({"run": called, "step": step, **row, **counted, **_chosen(recipe)})
            rows.append(f"{called}/metrics.jsonl, line {line}")
    notes.append(
        f"Runs of likely: {places(_names(folders))}. loss is in nats per token of "
        "the validation text, train_loss that of the step; params counts the numbers of the "
        "saved model, params_no_embed those outside its embeddings and head."
    )
    if without:
        notes.append(f"No saved model, so no params: {places(without)}.")
    if unfinished:
        notes.append(f"Not finished: {places(unfinished)}.")
    raw = from_objects(objects, rows)
    raw.notes = notes
    return raw


def _names(folders: list[Path]) -> list[str]:
    """A name for each run: that of its folder, with as much of its path as tells them apart."""
    paths = [folder.resolve() for folder in folders]
    for parts in range(1, max(len(path.parts) for path in paths)):
        names = ["/".join(path.parts[-parts:]) for path in paths]
        if len(set(names)) == len(set(paths)):
            break
    return names


def _recipe(folder: Path) -> Mapping[str, Any]:
    try:
        recipe = tomllib.loads((folder / "recipe.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadInput(f"{folder / 'recipe.toml'}: {first_line(problem)}.") from problem
    return {"steps": 0, **recipe}


def _chosen(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that runs are told apart by."""
    settings = {name: recipe[name] for name in _SETTINGS if name in recipe}
    windows = recipe.get("rows", 0) * recipe.get("accumulate", 1)
    named = {f"{k}_of_recipe" if k == "rows" else k: v for k, v in settings.items()}
    named["batch_tokens"] = windows * recipe.get("length", 0) or None
    return (
        named
        | flattened({"optimizer": recipe.get("optimizer", {})})
        | {"schedule": recipe.get("schedule", {}).get("name", "")}
    )


def _steps(folder: Path) -> dict[int, tuple[int, dict[str, Any]]]:
    """Step → line and values; what was trained and what was evaluated at a step is one row."""
    path = folder / "metrics.jsonl"
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    found: dict[int, tuple[int, dict[str, Any]]] = {}
    # A killed process may have left half a line at the end; it is none.
    for number, line in enumerate(data[: data.rfind(b"\n") + 1].splitlines(), 1):
        try:
            row = json.loads(line)
            step = int(row.pop("step"))
        except (ValueError, KeyError, AttributeError, UnicodeDecodeError) as problem:
            raise BadInput(f"{path}, line {number}: no row of a log.") from problem
        if "nats_per_token" in row:
            row["loss"] = row.pop("nats_per_token")
            row.pop("seconds", None)
        elif "loss" in row:
            row["train_loss"] = row.pop("loss")
        _, before = found.get(step, (0, {}))
        found[step] = (number, before | row)
    return found


def _count(folder: Path) -> dict[str, int]:
    """Numbers in the saved model, by the head of its file; empty where there is none."""
    saved = [sorted((folder / "model").glob("*.safetensors"))]
    saved += [[one] for one in sorted(folder.glob("checkpoints/*/model.safetensors"), reverse=True)]
    for paths in saved:
        sizes: dict[str, int] = {}
        try:
            for path in paths:
                sizes |= _sizes(path)
        except (OSError, ValueError, KeyError, AttributeError, MemoryError, OverflowError):
            continue
        if sizes:
            outside = sum(n for name, n in sizes.items() if not _EMBEDDING.search(name))
            return {"params": sum(sizes.values()), "params_no_embed": outside}
    return {}


def _sizes(path: Path) -> dict[str, int]:
    """Name of a tensor → how many numbers it has, as the head of a safetensors file says."""
    with path.open("rb") as file:
        head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return {name: math.prod(one["shape"]) for name, one in head.items() if name != "__metadata__"}
