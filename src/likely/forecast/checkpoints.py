"""Rows of the same run: the last ones, their mean, every n-th."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Lt
from jaxtyping import Float

from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.forecast._numbers import numbers, places
from likely.forecast.table import Table

By = str | Sequence[str]
"""Columns that tell runs apart; none for `run`, or else all columns of text."""


def runs_of(table: Table, by: By = ()) -> dict[tuple[Any, ...], list[int]]:
    """The places of each run's rows, in order of their steps.

    Args:
        table: of runs.
        by: columns that tell runs apart.

    Returns:
        Values of those columns → places.

    Raises:
        BadInput: a column that is not there.

    Example:
        >>> table = Table({"run": np.array(["a", "b", "a"], object), "step": np.arange(3.0)})
        >>> runs_of(table)
        {('a',): [0, 2], ('b',): [1]}
    """
    names = names_of(table, by)
    keys = list(zip(*(table[name].tolist() for name in names), strict=True))
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, key in enumerate(keys or [()] * table.count):
        groups.setdefault(key, []).append(place)
    order = next((numbers(table[name]) for name in ("step", "tokens") if name in table), None)
    if order is not None:
        groups = {k: sorted(held, key=lambda at: float(order[at])) for k, held in groups.items()}
    return groups


def names_of(table: Table, by: By = ()) -> list[str]:
    """Columns that tell runs apart.

    Args:
        table: of runs.
        by: what was asked for.

    Returns:
        That, or `run`, or else all columns of text.
    """
    given = [by] if isinstance(by, str) else list(by)
    if given:
        # Once the rates of a schedule are there, its name is another column.
        named = "schedule_name" in table
        return ["schedule_name" if one == "schedule" and named else one for one in given]
    if "run" in table:
        return ["run"]
    return [
        name
        for name, values in table.items()
        if isinstance(values, np.ndarray) and values.dtype == object
    ]


def last_checkpoints(table: Table, *, by: By = (), count: Annotated[int, Ge(1)] = 1) -> Table:
    """One row a run: the mean of its last rows, which is less noisy than the last one alone.

    Numbers that describe a checkpoint's place (step, tokens, flops) are those of the last row;
    texts too; all other numbers are averaged, each over the rows that have it.

    Args:
        table: of runs.
        by: columns that tell runs apart.
        count: rows at the end of each run; fewer where it has fewer.

    Returns:
        A table of R runs.

    Raises:
        BadInput: a column that is not there.
        BadSetting: a count below 1.

    Example:
        >>> table = Table({"step": np.arange(3.0), "loss": np.array([5.0, 4.0, 3.0])})
        >>> last_checkpoints(table, count=2)["loss"].tolist()
        [3.5]

    References:
        Bhagia et al., Establishing Task Scaling Laws via Compute-Efficient Model Ladders, 2024.
        arXiv:2412.04403 (means of the last five checkpoints).
    """
    checked(last_checkpoints, locals())
    groups = runs_of(table, by)
    _check_one_row_a_step(table, groups, names_of(table, by))
    ends = [held[-count:] for held in groups.values()]
    last = [held[-1] for held in ends]
    kept = table.take(np.array(last, np.int64))
    if len(last) == table.count:
        return kept
    columns = dict(kept.columns)
    for name, values in table.columns.items():
        is_number = isinstance(values, np.ndarray) and values.dtype == np.float64
        if is_number and count > 1 and name not in ("step", "tokens", "flops"):
            columns[name] = np.array([_mean(values[held]) for held in ends])
    rows = [
        f"{table.rows[held[0]]} to {table.rows[held[-1]]}" if len(held) > 1 else table.rows[held[0]]
        for held in ends
    ]
    which = "last row" if count == 1 else f"mean of the last {count} rows"
    short = [" ".join(map(str, k)) for k, held in groups.items() if len(held) < count]
    few = f" Fewer rows than that: {places(short)}." if short else ""
    names = ", ".join(names_of(table, by)) or "the whole table"
    said = (
        f"Of each run (told apart by {names}) the {which}: {len(rows):,} of {table.count:,}.{few}"
    )
    return replace(kept, columns=columns, rows=tuple(rows)).noted(said)


def _check_one_row_a_step(
    table: Table, groups: Mapping[tuple[Any, ...], Sequence[int]], names: Sequence[str]
) -> None:
    """Two texts at one step of a run are two things that were measured, and no checkpoints."""
    if "step" not in table:
        return
    steps = numbers(table["step"])
    texts = {k: v for k, v in table.items() if isinstance(v, np.ndarray) and v.dtype == object}
    for key, held in groups.items():
        end = [k for k in held if steps[k] == steps[held[-1]]]
        apart = [name for name, v in texts.items() if len({v[k] for k in end}) > 1]
        if apart:
            raise BadInput(
                f"{' '.join(map(str, key)) or 'The table'}: {len(end)} rows stand at step "
                f"{steps[end[0]]:g}, which differ in {places(apart)}: choose one with --where, or "
                f"tell them apart with --by {','.join([*names, apart[0]])}."
            )


def _mean(values: Float[np.ndarray, "K"]) -> float:
    # Equal numbers (sizes, settings) stay themselves to the last digit.
    there = values[~np.isnan(values)]
    if not len(there):
        return float("nan")
    return float(there[0]) if np.all(there == there[0]) else float(there.mean())


def final(table: Table, *, by: By = ()) -> Table:
    """The last row of each run.

    Args:
        table: of runs.
        by: columns that tell runs apart.

    Returns:
        A table of R runs.

    Raises:
        BadInput: a column that is not there.
    """
    return last_checkpoints(table, by=by)


def thinned(
    table: Table,
    *,
    by: By = (),
    every: Annotated[int, Ge(1)] = 1,
    skip_share: Annotated[float, Ge(0), Lt(1)] = 0.0,
) -> Table:
    """Runs without their beginnings, and of the rest every n-th row counted from the last.

    Args:
        table: of runs.
        by: columns that tell runs apart.
        every: n; the last row of a run is always kept.
        skip_share: share of each run's way, by step or else tokens, whose rows are dropped.

    Returns:
        A table of fewer rows, in the order of the old one.

    Raises:
        BadInput: a share is to be dropped and there are neither steps nor tokens.
        BadSetting: a value out of range.

    References:
        Choshen et al., A Hitchhiker's Guide to Scaling Law Estimation, 2024. arXiv:2410.11840
        (checkpoints of the first tenth mislead).
    """
    checked(thinned, locals())
    along = next((numbers(table[name]) for name in ("step", "tokens") if name in table), None)
    if along is None and skip_share > 0:
        raise BadInput("The beginning of a run can be dropped only where step or tokens is there.")
    kept: list[int] = []
    for held in runs_of(table, by).values():
        later = held
        if along is not None and skip_share > 0:
            later = [k for k in held if along[k] >= skip_share * along[held[-1]]]
        kept += later[::-1][::every]
    chosen = table.take(np.array(sorted(kept), np.int64))
    how = [f"the first {skip_share:.3g} of each run dropped"] * (skip_share > 0)
    how += [f"every {every}th row kept"] * (every > 1)
    said = f"{' and '.join(how)}: {chosen.count:,} of {table.count:,}." if how else ""
    return chosen.noted(*([said[0].upper() + said[1:]] if said else []))
