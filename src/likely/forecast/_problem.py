"""A law and a table, checked and ready to be solved."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from likely.core.errors import BadInput, BadSetting, did_you_mean
from likely.forecast._solve import Problem
from likely.forecast.law import Law
from likely.forecast.reach import compute_of, is_numeric


def problem_of(
    law: Law,
    table: Mapping[str, Any],
    *,
    held: dict[str, float],
    priors: dict[str, tuple[float, float]] | None = None,
    delta: float,
) -> Problem:
    """A law and a table, checked and ready to be solved.

    Args:
        law: what is fitted.
        table: column → values, `[R]`.
        held: coefficients that stay.
        priors: what is believed of others.
        delta: where Huber's loss turns.

    Returns:
        The problem.

    Raises:
        BadInput: a column is missing or cannot be used, or there are fewer rows than coefficients.
        BadSetting: the law has no such coefficient.
    """
    priors = priors or {}
    unknown = [name for name in {**held, **priors} if name not in law.names]
    if unknown:
        near = did_you_mean(unknown[0], law.names)
        raise BadSetting(
            law.name,
            [f"It has no coefficient {unknown[0]!r}.{near} It has: {', '.join(law.names)}."],
        )
    observed = positive(law.output, column_of(table, law.output))
    for name in law.columns:
        values = column_of(table, name)
        if isinstance(values, np.ndarray) and values.dtype.kind in "iufb":
            positive(name, values)
    problem = Problem(law, law.prepare(table), observed, delta, held, priors)
    wanted = len(problem.free) - sum(name in priors for name in problem.free)
    if len(observed) < wanted:
        raise BadInput(
            f"{law.name} has {wanted} coefficients to fit, and the table has {len(observed)} "
            f"rows: add runs, or hold some of {', '.join(problem.free)}."
        )
    return problem


def column_of(table: Mapping[str, Any], name: str) -> Any:
    """A column, or what to say where there is none.

    Args:
        table: column → values.
        name: of the column.

    Returns:
        Its values.

    Raises:
        BadInput: the table has none of that name.
    """
    if name not in table:
        have = ", ".join(map(str, table)) or "none"
        near = did_you_mean(name, map(str, table))
        raise BadInput(f"The table has no column {name!r}.{near} It has: {have}.")
    return table[name]


def positive(name: str, values: Any) -> Float[np.ndarray, "R"]:
    """A column as numbers that have a logarithm.

    Args:
        name: of the column, for messages.
        values: what it holds.

    Returns:
        Numbers above 0, one a run.

    Raises:
        BadInput: it holds something else; the first row is named.
    """
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "iufb" or numbers.ndim != 1:
        raise BadInput(f"The column {name!r} should hold one number a run.")
    numbers = numbers.astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(numbers) & (numbers > 0)))
    if len(wrong):
        raise BadInput(
            f"The column {name!r} should be above 0 and finite; row {wrong[0] + 1} has "
            f"{numbers[wrong[0]]:g}{f', and {len(wrong) - 1} more' if len(wrong) > 1 else ''}."
        )
    return numbers


def rows_of(table: Mapping[str, Any], rows: Any) -> dict[str, Any]:
    """Some rows of a table.

    Args:
        table: column → values.
        rows: places, or a mask.

    Returns:
        The same columns, shorter.
    """
    places = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
    return {
        name: values[places] if isinstance(values, np.ndarray) else [values[i] for i in places]
        for name, values in table.items()
    }


def runs_of(law: Law, table: Mapping[str, Any], by: Sequence[str]) -> Any:
    """Which run every row is of.

    Args:
        law: what is fitted.
        table: column → values, `[R]`.
        by: columns that say so.

    Returns:
        A label a row; None where every row is a run of its own.

    Raises:
        BadInput: the table has no such column.
    """
    names = list(by)
    if not names and "step" in law.columns:
        names = [name for name in law.columns if name != "step"]
        if not names:
            return np.zeros(len(table["step"]), int)
    if not names:
        return None
    columns = []
    for name in names:
        values = column_of(table, "schedule_name" if _is_renamed(table, name) else name)
        is_arrays = len(values) > 0 and isinstance(values[0], np.ndarray)
        numbered = [id(one) for one in values] if is_arrays else values
        columns.append([str(one) for one in numbered])
    return np.array([" · ".join(parts) for parts in zip(*columns, strict=True)])


def _is_renamed(table: Mapping[str, Any], name: str) -> bool:
    """A text column `schedule` makes way for the arrays of that name."""
    return name == "schedule" and "schedule_name" in table


def spans_of(law: Law, table: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """From where to where a table reaches, for what a fit remembers of it.

    Args:
        law: says which columns matter.
        table: column → values.

    Returns:
        Column → ends; with `flops` and `tokens_per_param` where they follow from others.
    """
    known = {name: table[name] for name in {*law.columns, law.output} if name in table}
    compute = compute_of(table)
    if compute is not None:
        known["flops"] = compute
    if is_numeric(table.get("params")) and is_numeric(table.get("tokens")):
        known["tokens_per_param"] = table["tokens"] / table["params"]
    spans = {}
    for name, values in known.items():
        if is_numeric(values) and values.size:
            spans[name] = (float(np.nanmin(values)), float(np.nanmax(values)))
    return spans
