"""What laws of schedules share: rows by their schedule, and sums along one."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int

from likely.core.errors import BadInput, ShapeError
from likely.forecast.columns import Column, Schedules

Taken: TypeAlias = Column | Int[np.ndarray, "..."]
"""Steps that were taken, one number or one a row; whole."""

LEAST = 1e-8
"""A rate of 0 is read as this share of the highest: powers of a rate have no 0."""


def by_schedule(
    step: Taken, schedule: Schedules
) -> Iterator[tuple[Bool[np.ndarray, "R"], Int[np.ndarray, "K"], Float[np.ndarray, "_"]]]:
    """Rows that have one schedule in common, with their steps and its rates.

    Args:
        step: steps taken when each row was measured, `[R]`.
        schedule: the rates of each row's run; rows of a run share one array.

    Yields:
        Which rows, their steps, the rates.

    Raises:
        ShapeError: other numbers of steps and of schedules.
        BadInput: a step that its schedule does not have, or a rate that is none.
    """
    steps = np.atleast_1d(np.asarray(step, np.float64))
    if len(steps) != len(schedule):
        raise ShapeError(
            f"{len(steps)} steps and {len(schedule)} schedules: a law of schedules needs the "
            "learning rates of every row's run; rows of a run share one array."
        )
    kinds = np.array([id(rates) for rates in schedule])
    for kind in dict.fromkeys(kinds.tolist()):
        rows = kinds == kind
        rates = np.asarray(schedule[int(rows.argmax())], np.float64)
        _check(rows, steps, rates)
        yield rows, steps[rows].astype(np.int64), rates


def _check(rows: Any, steps: Any, rates: Any) -> None:
    first = int(rows.argmax()) + 1
    if rates.ndim != 1 or not np.isfinite(rates).all() or (rates < 0).any() or not rates.any():
        raise BadInput(
            f"Row {first}: its schedule should be one learning rate a step, finite, at least 0, "
            "and not 0 everywhere."
        )
    wrong = rows & ~((steps >= 1) & (steps <= len(rates)))
    if wrong.any():
        place = int(wrong.argmax())
        raise BadInput(
            f"Row {place + 1}: step {steps[place]:g} is not among the {len(rates)} steps of its "
            "schedule: give the rates of the whole run, from its first step on."
        )


def remembered(values: Float[np.ndarray, "_"], decay: float) -> Float[np.ndarray, "_"]:
    """The sum of what came, each weighed by decay to the power of how long ago it was.

    Partial sums are doubled in reach until they reach the beginning: as many passes as a step has
    binary digits, in place of one addition a step.

    Args:
        values: one a step.
        decay: λ, below 1.

    Returns:
        m_i = λ m_{i−1} + v_i, one a step.
    """
    sums, reach = np.array(values, np.float64), 1
    while reach < len(sums) and decay**reach > 1e-20:
        sums[reach:] = sums[reach:] + decay**reach * sums[:-reach]
        reach *= 2
    return sums


def warmed_up(rates: Float[np.ndarray, "_"]) -> int:
    """Steps of warm-up: those at the beginning, each of which has a lower rate than the next.

    Args:
        rates: one a step.

    Returns:
        How many.
    """
    stops = np.diff(rates) <= 0
    return int(stops.argmax()) if stops.any() else max(len(rates) - 1, 0)


def falls_of(
    rates: Float[np.ndarray, "_"], *, counts_warmup: bool = False
) -> Float[np.ndarray, "_"]:
    """By how much each step's rate lies below the one before, from 0 on.

    Args:
        rates: one a step.
        counts_warmup: whether the rises of the warm-up count.

    Returns:
        η_{k−1} − η_k, one a step; negative where it rises.
    """
    falls = -np.diff(rates, prepend=0.0)
    if not counts_warmup:
        falls[: warmed_up(rates) + 1] = 0.0
    return falls


def by_rate(
    rates: Float[np.ndarray, "_"],
    worth: Float[np.ndarray, "_"],
    *,
    counts_warmup: bool = False,
) -> Float[np.ndarray, "_"]:
    """The derivative of Σ falls × worth by every rate, where what a fall is worth stays.

    A rate is in its own fall and, with the other sign, in the next.

    Args:
        rates: one a step.
        worth: of a fall at each step.
        counts_warmup: whether the rises of the warm-up count.

    Returns:
        One derivative a step.
    """
    counted = worth.copy()
    if not counts_warmup:
        counted[: warmed_up(rates) + 1] = 0.0
    return np.asarray(np.append(counted[1:], 0.0) - counted)
