"""Sentences on a table that was read: rows that are there twice, compute that is not 6ND."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped

from likely.forecast._naming import Named
from likely.forecast._numbers import codes_of, numbers

_OUTCOME = re.compile(
    r"loss|acc|ppl|perplex|bpb|bits|entropy|nll|score|error|_norm|soft|time|second|throughput|per_"
)
Columns = Mapping[str, Shaped[np.ndarray, "R"]]


def remarks(
    columns: Mapping[str, Any], rows: Sequence[str], needed: Sequence[str], read: Named
) -> list[str]:
    """Sentences on repeated rows, compute and intermediate checkpoints.

    Args:
        columns: name → `[R]`.
        rows: where each stands.
        needed: what a law reads.
        read: what was read.

    Returns:
        Sentences.
    """
    plain = {name: values for name, values in columns.items() if isinstance(values, np.ndarray)}
    notes = repeated(plain, rows)
    given = {"flops", "tokens"} <= plain.keys() - read.odd - read.derived
    if given and "params" not in read.odd | read.derived:
        counts = [n for n in ("params", "params_no_embed", "tokens", "flops") if n in plain]
        notes += compare_compute({name: numbers(plain[name]) for name in counts})
    if "run" in plain and "step" in plain and "schedule" not in needed:
        runs = len(np.unique(plain["run"].astype(str)))
        if runs * 2 < len(rows):
            notes.append(
                f"{len(rows):,} rows belong to {runs:,} run{'s' * (runs > 1)}, and each counts as "
                "one here; --checkpoints final keeps the last row of each."
            )
    return notes


def repeated(columns: Columns, rows: Sequence[str]) -> list[str]:
    """Sentences on rows that are there twice, wholly or but for outcomes; all of them are kept.

    Args:
        columns: name → `[R]`, everything in the table.
        rows: where each row stands.

    Returns:
        None, one or two sentences.
    """
    given = {name: v for name, v in columns.items() if not _OUTCOME.search(name.casefold())}
    codes = np.zeros(len(rows), np.int64)
    for values in given.values():
        codes = _refined(codes, values)
    counts = np.bincount(codes, minlength=1)
    among = np.flatnonzero(counts[codes] > 1)
    if not len(among) or not given:
        return []
    whole = codes[among]
    for name, values in columns.items():
        whole = whole if name in given else _refined(whole, values[among])
    notes = []
    twice = [f"{rows[b]} = {rows[a]}" for a, b in _pairs(whole, among)]
    if twice:
        notes.append(
            f"Kept, though equal to an earlier row ({len(twice):,}): {'; '.join(twice[:3])}."
        )
    if "loss" in columns:
        loss = _refined(codes[among], columns["loss"][among])
        _, first = np.unique(loss, return_index=True)
        others = [f"{rows[a]} and {rows[b]}" for a, b in _pairs(codes[among][first], among[first])]
        if others:
            notes.append(
                "Kept, though equal to an earlier row in all but what was measured (repeated runs? "
                f"or a column that tells them apart is missing; {len(others):,}): "
                f"{'; '.join(others[:3])}."
            )
    return notes


def _refined(codes: Int[np.ndarray, "R"], values: Shaped[np.ndarray, "R"]) -> Int[np.ndarray, "R"]:
    """Codes of rows that agreed so far, told apart by one column more."""
    inverse = codes_of(values)
    wide = codes * (int(inverse.max(initial=0)) + 1) + inverse
    return np.unique(wide, return_inverse=True)[1]


def _pairs(codes: Int[np.ndarray, "K"], places: Int[np.ndarray, "K"]) -> list[tuple[int, int]]:
    """The first place of each code with every later one, in the order of the table."""
    first: dict[int, int] = {}
    pairs = []
    for code, place in sorted(
        zip(codes.tolist(), places.tolist(), strict=True), key=lambda p: p[1]
    ):
        if code in first:
            pairs.append((first[code], place))
        first.setdefault(code, place)
    return pairs


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
