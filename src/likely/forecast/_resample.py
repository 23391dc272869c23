"""Tables drawn again from a table: how often each row counts."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

FEWEST_RUNS = 8
"""With fewer runs than this, stretches of rows are drawn in place of whole runs."""


def units_of(labels: Any, rows: int) -> Int[np.ndarray, "R"]:
    """Which rows are drawn together.

    Rows of one run are not independent of each other, so runs are drawn. A few long curves are cut
    into stretches, as many as the square root of their rows.

    Args:
        labels: the run of each row, or None where every row is a run.
        rows: how many there are.

    Returns:
        A number from 0 for each row.
    """
    if labels is None:
        return np.arange(rows)
    _, run = np.unique(np.asarray(labels).astype(str), return_inverse=True)
    if run.max(initial=0) + 1 >= FEWEST_RUNS:
        return run
    unit, count = np.zeros(rows, int), 0
    for number in range(run.max(initial=0) + 1):
        places = np.flatnonzero(run == number)
        stretches = max(1, round(np.sqrt(len(places))))
        unit[places] = count + np.arange(len(places)) * stretches // len(places)
        count += stretches
    return unit


def resampled(
    units: Int[np.ndarray, "R"], count: int, rng: np.random.Generator
) -> Float[np.ndarray, "C R"]:
    """How often each row counts in tables whose units are drawn with replacement.

    Args:
        units: which rows are drawn together.
        count: C, of tables.
        rng: draws them.

    Returns:
        Weights, one row a table.
    """
    number = int(units.max()) + 1
    drawn = rng.multinomial(number, np.full(number, 1 / number), size=count)
    return drawn[:, units].astype(np.float64)
