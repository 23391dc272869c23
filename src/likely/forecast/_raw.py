"""Rows as a file has them: names, cells, and where each row stands."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from likely.forecast._numbers import column, places


@dataclass
class Raw:
    """What a file holds before anything is made of it.

    Args:
        columns: name → `[R]`.
        rows: where each row stands.
        notes: sentences on what was done.
        bad: rows that are none, with the reason: reason → places.
    """

    columns: dict[str, np.ndarray]
    rows: tuple[str, ...]
    notes: list[str] = field(default_factory=list)
    bad: dict[str, list[str]] = field(default_factory=dict)


def from_objects(objects: Iterable[Mapping[str, Any]], rows: Sequence[str]) -> Raw:
    """Rows from dictionaries; those inside become `outer.inner`.

    Args:
        objects: name → cell, one a row.
        rows: where each stands.

    Returns:
        The rows.
    """
    flat = [flattened(one) for one in objects]
    names = dict.fromkeys(name for one in flat for name in one)
    return Raw({name: column(one.get(name) for one in flat) for name in names}, tuple(rows))


def flattened(given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A dictionary without dictionaries in it.

    Args:
        given: name → value or dictionary.
        prefix: of all names.

    Returns:
        `outer.inner` → value.

    Example:
        >>> flattened({"config": {"lr": {"value": 0.1}}, "loss": 2.0})
        {'config.lr': 0.1, 'loss': 2.0}
    """
    flat: dict[str, Any] = {}
    for name, held in given.items():
        # So W&B keeps its configurations.
        wrapped = isinstance(held, Mapping) and "value" in held and set(held) <= {"value", "desc"}
        value = held["value"] if wrapped else held
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def joined(parts: Sequence[tuple[str, Raw]]) -> Raw:
    """Several files below one another, with a column that names the file.

    Args:
        parts: name and rows of each.

    Returns:
        All rows; a column that a file lacks is missing in its rows.
    """
    if len(parts) == 1:
        return parts[0][1]
    names = dict.fromkeys(name for _, raw in parts for name in raw.columns)
    cells: dict[str, list[Any]] = {name: [] for name in names}
    for _, raw in parts:
        for name, held in cells.items():
            held.extend(raw.columns.get(name, np.full(len(raw.rows), np.nan)).tolist())
    columns = {name: column(held) for name, held in cells.items()}
    if "file" not in columns:
        columns["file"] = column(name for name, raw in parts for _ in raw.rows)
    bad: dict[str, list[str]] = {}
    for _, raw in parts:
        for reason, where in raw.bad.items():
            bad.setdefault(reason, []).extend(where)
    notes = list(dict.fromkeys(note for _, raw in parts for note in raw.notes))
    notes.insert(0, f"{len(parts)} files: {places([name for name, _ in parts])}.")
    return Raw(columns, tuple(row for _, raw in parts for row in raw.rows), notes, bad)
