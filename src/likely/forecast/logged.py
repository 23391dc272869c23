"""Learning-rate schedules from what was logged: one rate a step, though one in many was written."""

from dataclasses import replace
from typing import Annotated

import numpy as np
from annotated_types import Ge
from jaxtyping import Float

from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.forecast._numbers import numbers, places
from likely.forecast.checkpoints import By, names_of, runs_of
from likely.forecast.table import Table


def logged_schedule(
    steps: Float[np.ndarray, "K"],
    rates: Float[np.ndarray, "K"],
    *,
    warmup: Annotated[int, Ge(0)] | None = None,
    last: Annotated[int, Ge(0)] = 0,
) -> Float[np.ndarray, "_"]:
    """The learning rate of every step, by straight lines between the steps that were logged.

    Before the first logged step the rate rises from 0 in a straight line: over `warmup` steps to
    the rate of the first logged step after them, or up to the first logged step where none are
    said. What was logged within the warm-up stays as it is.

    Args:
        steps: that were logged, rising, the first step being 1.
        rates: theirs.
        warmup: steps in which the rate rose from 0.
        last: step up to which the last logged rate goes on, where it is a later one.

    Returns:
        One rate a step up to the last; entry t is that of step t + 1.

    Example:
        >>> logged_schedule(np.array([4.0, 6.0]), np.array([0.4, 0.2]), warmup=2).tolist()
        [0.2, 0.4, 0.4, 0.4, 0.30000000000000004, 0.2]
    """
    checked(logged_schedule, locals())
    if warmup and steps[0] > warmup:
        steps, rates = np.r_[0.0, warmup, steps], np.r_[0.0, rates[0], rates]
    elif warmup != 0 and steps[0] > 1:
        steps, rates = np.r_[0.0, steps], np.r_[0.0, rates]
    every = np.arange(1.0, max(np.floor(steps[-1]), last) + 1)
    return np.asarray(np.interp(every, steps, rates), np.float64)


def with_schedules(
    table: Table, *, by: By = (), warmup: Annotated[int, Ge(0)] | None = None
) -> Table:
    """A column `schedule` with the learning rate of every step, from rates that were logged.

    A column of text that was called `schedule` is called `schedule_name` then.

    Args:
        table: with step and learning_rate; every row of a run helps, also those that a law is not
            fitted to, so choose rows afterwards.
        by: columns that tell runs apart.
        warmup: steps in which the rate rose from 0; 0 where it began at full height.

    Returns:
        The same rows with one array a row; the rows of a run share theirs.

    Raises:
        BadInput: no step or learning_rate, or one run with two rates at a step.
    """
    checked(with_schedules, locals())
    held = table.get("schedule")
    if isinstance(held, tuple):
        return table
    lacking = [name for name in ("step", "learning_rate") if name not in table]
    if lacking:
        raise BadInput(
            f"A schedule needs the learning rate that was logged at each step; the table has no "
            f"{' and no '.join(lacking)}: --map learning_rate=COLUMN --map step=COLUMN, or a "
            "column schedule with one array a row (Table.with_column)."
        )
    made, before = _whole(table, by, warmup)
    told_apart = ", ".join(names_of(table, by)) or "nothing"
    columns = dict(table.columns)
    if held is not None:
        columns["schedule_name"] = held
    rise = f"a rise over {warmup} steps" if warmup else "a straight line from 0"
    said = [f"Before its first logged step, {rise} stands for {places(before)}."] if before else []
    if before and warmup is None:
        said[0] += " If you know the warm-up: --warmup STEPS (0 for none)."
    return replace(table, columns=columns | {"schedule": tuple(made)}).noted(
        "schedule: straight lines between the learning rates that were logged, runs told apart by "
        f"{told_apart}.",
        *said,
    )


def _whole(table: Table, by: By, warmup: int | None) -> tuple[list[np.ndarray], list[str]]:
    """A schedule for each row, and the runs whose first logged step was not the first."""
    steps, rates = numbers(table["step"]), numbers(table["learning_rate"])
    made: list[np.ndarray] = [np.empty(0)] * table.count
    before: list[str] = []
    for key, held in runs_of(table, by).items():
        good = [k for k in held if np.isfinite(steps[k]) and np.isfinite(rates[k])]
        name = " ".join(map(str, key)) or "the table"
        if not good:
            raise BadInput(f"{name}: no row has both a step and a learning rate.")
        _check_one_rate(table, name, steps[good], rates[good], by)
        logged, first = np.unique(steps[good], return_index=True)
        end = int(np.nanmax(steps[held]))
        whole = logged_schedule(logged, rates[good][first], warmup=warmup, last=end)
        if logged[0] > 1 and (warmup is None or warmup > 0):
            before.append(f"{name} ({logged[0]:g})")
        for k in held:
            made[k] = whole
    return made, before


def _check_one_rate(
    table: Table,
    name: str,
    steps: Float[np.ndarray, "K"],
    rates: Float[np.ndarray, "K"],
    by: By,
) -> None:
    """Two rates at one step are two runs."""
    order = np.lexsort((rates, steps))
    same = np.diff(steps[order]) == 0
    apart = np.abs(np.diff(rates[order])) > 1e-6 * np.abs(rates).max()
    if np.any(same & apart):
        step, now = steps[order][1:][same & apart][0], ", ".join(names_of(table, by)) or "none"
        raise BadInput(
            f"{name}: step {step:g} has several learning rates, so there are several runs in it: "
            f"say which columns tell runs apart (--by; now: {now})."
        )
