"""How often the law was surprised within the table: what its intervals must be widened by."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool

from likely.core.errors import BadInput
from likely.forecast._problem import rows_of
from likely.forecast.fitted import Fit
from likely.forecast.law import Law
from likely.forecast.reach import costs_of

CUTS = (0.2, 0.4)
"""Shares of the rows, the dearest, that are predicted from the cheaper ones."""
REFITS = 200
FEWEST_HELD_OUT = 3
FEWEST_SCHEDULES = 3
"""With two, the one that is left may not decay, and says nothing of decay."""
_NORMAL = 1.959964


def stretch_of(
    fit: Callable[..., Fit], law: Law, table: Mapping[str, Any], whole: Fit
) -> tuple[float, bool]:
    """Root mean square of what dear rows missed, in widths that the cheap ones had promised.

    Resampling knows the noise of the runs and nothing of a law that bends. So the table's own dear
    rows are predicted from its cheap ones, and where they lie outside what was promised, intervals
    of predictions are widened in proportion. A law that holds is not widened. Laws of schedules are
    asked for other schedules, so there each run is predicted from the others.

    Args:
        fit: fits a table with so many refits, without doing this again.
        law: what is fitted.
        table: column → values, `[R]`.
        whole: the fit to all of it.

    Returns:
        A factor, 1 at least, and whether the table said so. Where it is too small to say, the
        square root of R / (R − K): residuals of K coefficients fitted to hardly more runs are too
        small by about that.
    """
    few = np.sqrt(whole.units / max(whole.units - len(whole.fitted), 1))
    squares = []
    try:
        for held_out in _splits(law, table):
            if held_out.sum() < FEWEST_HELD_OUT or (~held_out).sum() < 2 * len(law.names):
                continue
            seen, asked = rows_of(table, ~held_out), rows_of(table, held_out)
            said = fit(seen, REFITS).predict(asked)
            low, high = np.log(said.run_low), np.log(said.run_high)
            away = np.log(asked[law.output]) - (low + high) / 2
            squares.append(np.mean((away / np.maximum((high - low) / 2 / _NORMAL, 1e-9)) ** 2))
    except BadInput:  # A part of the table may not be enough for the law; the whole was.
        squares = []
    if not squares:
        return float(few), False
    return max(1.0, float(np.sqrt(np.mean(squares)))), True


def _splits(law: Law, table: Mapping[str, Any]) -> Iterator[Bool[np.ndarray, "R"]]:
    """Rows to predict from the others: the dear ones; of schedules, one run after the other."""
    if "schedule" in law.columns:
        run = np.array([id(one) for one in table["schedule"]])
        if len(np.unique(run)) >= FEWEST_SCHEDULES:
            yield from (run == one for one in dict.fromkeys(run.tolist()))
            return
    costs = costs_of(law, table, None)
    yield from (costs > np.quantile(costs, 1 - cut) for cut in CUTS)
