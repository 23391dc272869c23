"""How often the law was surprised within the table: what its intervals must be widened by."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from likely.core.errors import BadInput
from likely.forecast._problem import rows_of
from likely.forecast.fitted import Fit
from likely.forecast.law import Law
from likely.forecast.reach import costs_of

CUTS = (0.2, 0.4)
"""Shares of the rows, the dearest, that are predicted from the cheaper ones."""
REFITS = 200
FEWEST_HELD_OUT = 3
_NORMAL = 1.959964


def stretch_of(fit: Callable[..., Fit], law: Law, table: Mapping[str, Any], rows: int) -> float:
    """Root mean square of what dear rows missed, in widths that the cheap ones had promised.

    Resampling knows the noise of the runs and nothing of a law that bends. So the table's own dear
    rows are predicted from its cheap ones, and where they lie outside what was promised, intervals
    of predictions are widened in proportion. A law that holds is not widened.

    Args:
        fit: fits a table with so many refits, without doing this again.
        law: what is fitted.
        table: column → values, `[R]`.
        rows: R.

    Returns:
        A factor, 1 at least; 1 where the table is too small to say.
    """
    try:
        costs, squares = costs_of(law, table, None), []
        for cut in CUTS:
            dear = costs > np.quantile(costs, 1 - cut)
            kept = rows - int(dear.sum())
            if dear.sum() < FEWEST_HELD_OUT or kept < 2 * len(law.names):
                continue
            seen, asked = rows_of(table, ~dear), rows_of(table, dear)
            said = fit(seen, REFITS).predict(asked)
            low, high = np.log(said.run_low), np.log(said.run_high)
            away = np.log(asked[law.output]) - (low + high) / 2
            squares.append(np.mean((away / np.maximum((high - low) / 2 / _NORMAL, 1e-9)) ** 2))
    except BadInput:  # A part of the table may not be enough for the law; the whole was.
        return 1.0
    return max(1.0, float(np.sqrt(np.mean(squares)))) if squares else 1.0
