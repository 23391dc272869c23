"""What makes a row of no use, by line; rows that are there twice; compute that is not 6ND."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped

from likely.core.errors import BadInput
from likely.forecast._numbers import is_missing, numbers, places

_ABOVE_ZERO = ("tokens", "loss", "flops", "batch")
_SMALLEST = {"params": 1.0, "params_no_embed": 1.0, "step": 0.0, "lr": 0.0}
_COUNTS = ("params", "params_no_embed", "tokens", "flops")
_KNOWING_NOTHING = 12.5
"""Nats per token of equal chances among 270,000 words: no whole column of losses lies above."""

Columns = Mapping[str, Shaped[np.ndarray, "R"]]
Bad = dict[str, list[str]]


def unusable(
    columns: Columns, needs: Sequence[str], rows: Sequence[str], text: Sequence[str] = ()
) -> tuple[Bool[np.ndarray, "R"], Bad]:
    """Rows in which something that is needed is missing or absurd.

    Args:
        columns: name → `[R]`.
        needs: names that must hold usable numbers.
        rows: where each row stands.
        text: needed columns that hold text, not numbers.

    Returns:
        Which they are, and reason → places.
    """
    wrong = np.zeros(len(rows), np.bool_)
    reasons: Bad = {}
    for name in needs:
        held = columns[name]
        values = numbers(held) if name not in text else np.ones(len(rows))
        gone = np.array([is_missing(value) for value in held.tolist()], np.bool_)
        kinds = {
            f"{name} is missing": gone,
            f"{name} is no number": np.isnan(values) & ~gone,
            f"{name} is infinite": np.isinf(values),
        }
        kinds |= {said: where & np.isfinite(values) for said, where in _absurd(name, values).items()}
        for said, where in kinds.items():
            # A row is told of once, by what is wrong with it first.
            for k in np.flatnonzero(where & ~wrong):
                shown = "" if "missing" in said else f" ({held[k]})"
                reasons.setdefault(said, []).append(f"{rows[k]}{shown}")
            wrong |= where
    return wrong, reasons


def _absurd(name: str, values: Float[np.ndarray, "R"]) -> dict[str, Any]:
    if name in _ABOVE_ZERO:
        return {f"{name} is not above 0": values <= 0}
    if name in _SMALLEST:
        return {f"{name} is below {_SMALLEST[name]:g}": values < _SMALLEST[name]}
    return {}


def told(reasons: Bad) -> list[str]:
    """One sentence a reason.

    Args:
        reasons: reason → places.

    Returns:
        Sentences for the notes.
    """
    return [
        f"{len(where):,} row{'s' * (len(where) != 1)} left out, {reason}: {places(where)}."
        for reason, where in reasons.items()
    ]


def check_scale(
    name: str, values: Float[np.ndarray, "R"], source: str, *, sure: bool
) -> str | None:
    """Raise where a whole column must be in another unit, or say that it may be.

    Args:
        name: of the column.
        values: its numbers.
        source: the column of the file.
        sure: whether somebody wrote a formula for it, and so knows what it holds.

    Returns:
        A sentence where it is only strange.

    Raises:
        BadInput: counts between 1 and 30, or losses that no model has.
    """
    held = values[np.isfinite(values) & (values > 0)]
    if not len(held) or sure:
        return None
    low, high = float(held.min()), float(held.max())
    ticked = source if re.fullmatch(r"[^\W\d]\w*", source) else f"`{source}`"
    between = f"{name} ({source!r}) lies between {low:.4g} and {high:.4g}"
    if name in _COUNTS and high < 30:
        raise BadInput(
            f"{between}: are these logarithms? Write --map \"{name}=10**{ticked}\" (or exp({ticked}) "
            f"for natural ones); if they are millions or billions, --map \"{name}=1e6*{ticked}\" or "
            f"1e9*{ticked}; if they are plain counts, --map \"{name}=1*{ticked}\"."
        )
    if name in _COUNTS and high < 1e4:
        return f"{between} and is read as a plain count; for millions: --map \"{name}=1e6*{ticked}\"."
    if name == "loss" and low > _KNOWING_NOTHING:
        raise BadInput(
            f"{between}, more than a model loses that knows nothing: is it a perplexity? Write "
            f"--map \"loss=log({ticked})\"; if it is a sum over tokens or anything else, divide: "
            f"--map \"loss={ticked}/1000\"; to take it as it is, --map \"loss=1*{ticked}\"."
        )
    return None


def repeated(columns: Columns, rows: Sequence[str], same: Sequence[str]) -> list[str]:
    """Sentences on rows that are there twice, wholly or but for the loss; all of them are kept.

    Args:
        columns: name → `[R]`, everything in the table.
        rows: where each row stands.
        same: columns that tell rows apart.

    Returns:
        None, one or two sentences.
    """
    groups = _groups([columns[name] for name in same if name in columns], len(rows))
    twice: list[str] = []
    others: list[str] = []
    for group in groups:
        seen: dict[tuple[Any, ...], int] = {}
        for k in group:
            key = tuple(_key(values[k]) for values in columns.values())
            if key in seen:
                twice.append(f"{rows[k]} equals {rows[seen[key]]}")
            seen.setdefault(key, k)
        losses = {_key(columns["loss"][k]) for k in group} if "loss" in columns else set()
        if len(losses) > 1:
            others.append(f"{rows[group[0]]} and {rows[group[1]]}")
    notes = []
    if twice:
        notes.append(f"{len(twice):,} rows are there twice and kept: {places(twice, 3)}.")
    if others:
        names = ", ".join(name for name in same if name in columns)
        notes.append(
            f"{len(others):,} sets of rows agree in {names} and differ in loss (repeated runs, or a "
            f"column that tells them apart); all are kept: {places(others, 3)}."
        )
    return notes


def _groups(keys: Sequence[Shaped[np.ndarray, "R"]], count: int) -> list[list[int]]:
    """Places of rows that agree, two or more of each."""
    codes = np.zeros(count, np.int64)
    for values in keys:
        held = values.astype(str) if values.dtype == object else values
        _, inverse = np.unique(held, return_inverse=True)
        _, codes = np.unique(codes * (int(inverse.max(initial=0)) + 1) + inverse, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    return [part.tolist() for part in parts if len(part) > 1]


def _key(value: Any) -> Any:
    return None if isinstance(value, float) and value != value else value


def compare_compute(columns: Columns) -> list[str]:
    """A sentence where compute is far from 6ND.

    Args:
        columns: with params (or params_no_embed), tokens and flops.

    Returns:
        None or one sentence.
    """
    with np.errstate(all="ignore"):
        ratios = {
            name: float(np.nanmedian(columns["flops"] / (6 * columns[name] * columns["tokens"])))
            for name in ("params", "params_no_embed")
            if name in columns and np.isfinite(columns["flops"] / columns[name]).any()
        }
    if not ratios or any(abs(ratio - 1) <= 0.2 for ratio in ratios.values()):
        return []
    name, ratio = next(iter(ratios.items()))
    return [
        f"flops / (6 · {name} · tokens) has the median {ratio:.3g}, not 1: does flops count the "
        "whole training, and are params and tokens what they seem? For 6ND: "
        f'--map "flops=6*{name}*tokens".'
    ]
