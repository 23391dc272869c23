"""Exports of Weights & Biases: charts with one column a run, and runs with settings in a cell."""

import ast
import json
import re
from typing import Any

import numpy as np

from likely.forecast._numbers import column
from likely.forecast._raw import Raw, flattened

_CHART = re.compile(r"(?P<run>.+) - (?P<metric>.+?)(?P<edge>__(?:MIN|MAX))?")
_AXES = ("step", "_step", "_runtime", "_timestamp", "relative time (process)", "wall time")
_CELLS = ("config", "summary", "summary_metrics", "summarymetrics", "json_config")


def arranged(raw: Raw) -> Raw:
    """A W&B export as one row a run and step; any other table as it is.

    Args:
        raw: a file's rows.

    Returns:
        The same rows, or what the chart or the cells hold.
    """
    opened = _open_cells(raw)
    return _unfold_chart(opened)


def _open_cells(raw: Raw) -> Raw:
    """Columns `config` and `summary` that hold dictionaries become `config.NAME` each."""
    for name in [one for one in raw.columns if one.casefold() in _CELLS]:
        held = [_dictionary(cell) for cell in raw.columns[name].tolist()]
        if not any(held):
            continue
        flat = [flattened(one or {}, f"{name}.") for one in held]
        inner = dict.fromkeys(k for one in flat for k in one if not k.startswith(f"{name}._wandb"))
        del raw.columns[name]
        raw.columns |= {k: column(_cell(one.get(k)) for one in flat) for k in inner}
        raw.notes.append(f"The cells of {name!r} hold {len(inner)} values each, as {name}.NAME.")
    return raw


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple) else value


def _dictionary(cell: Any) -> dict[str, Any] | None:
    """A dictionary written as JSON, or as Python shows it."""
    text = str(cell).strip()
    if not text.startswith("{"):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    return None


def _unfold_chart(raw: Raw) -> Raw:
    """`Step, a - loss, a - loss__MIN, b - loss …` becomes rows of run, step and loss."""
    axis = next((name for name in raw.columns if name.casefold() in _AXES), None)
    charts = {name: _CHART.fullmatch(name) for name in raw.columns if name != axis}
    found = {name: match for name, match in charts.items() if match}
    if axis is None or not found or len(found) < len(charts):
        return raw
    kept = {name: match for name, match in found.items() if not match["edge"]}
    metrics = dict.fromkeys(match["metric"] for match in kept.values())
    runs = dict.fromkeys(match["run"] for match in kept.values())
    name_of = {(match["run"], match["metric"]): name for name, match in kept.items()}
    empty = np.full(len(raw.rows), np.nan)
    parts: dict[str, list[Any]] = {"run": [], axis: [], **{metric: [] for metric in metrics}}
    rows: list[str] = []
    for run in runs:
        values = {m: raw.columns.get(name_of.get((run, m), ""), empty) for m in metrics}
        there = np.zeros(len(raw.rows), np.bool_)
        for held in values.values():
            there |= held != "" if held.dtype == object else ~np.isnan(held)
        chosen = np.flatnonzero(there)
        parts["run"] += [run] * len(chosen)
        parts[axis] += raw.columns[axis][chosen].tolist()
        for metric, held in values.items():
            parts[metric] += held[chosen].tolist()
        rows += [f"{raw.rows[k]}, {run}" for k in chosen]
    notes = [
        f"A chart of {len(runs)} runs was unfolded: columns run, {axis}, {', '.join(metrics)}."
    ]
    if len(kept) < len(found):
        notes.append(f"Columns __MIN and __MAX were left out ({len(found) - len(kept)}).")
    columns = {name: column(cells) for name, cells in parts.items()}
    return Raw(columns, tuple(rows), raw.notes + notes, raw.bad)
