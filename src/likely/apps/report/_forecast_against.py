"""Observed against the law, for laws that no curve over one column can show."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from likely.apps.report._forecast_axes import logarithmic, named
from likely.apps.report._forecast_ink import LAW, SEEN, Picture, sheet
from likely.forecast.fitted import Fit

MOST_DRAWN = 1500


def of_rows(fit: Fit, table: Mapping[str, Any]) -> Picture:
    """Every row's value over what the law says of it.

    Args:
        fit: the law.
        table: what it was fitted to.

    Returns:
        The figure.
    """
    figure = sheet(wide=5.2, high=4.6)
    axes = figure.subplots()
    seen = np.asarray(table[fit.law.output], np.float64)
    told = seen * np.exp(-fit.residuals)
    kept = drawn_rows(len(seen))
    low, high = min(seen.min(), told.min()) / 1.02, max(seen.max(), told.max()) * 1.02
    axes.plot([low, high], [low, high], color=LAW)
    axes.scatter(told[kept], seen[kept], c=SEEN, s=11, linewidths=0.3, edgecolors="white", zorder=3)
    for which in "xy":
        logarithmic(axes, which, low=low, high=high, fine=True)
    axes.set_xlabel(f"{named(fit.law.output)}, by the law")
    axes.set_ylabel(f"{named(fit.law.output)}, observed")
    caption = (
        "Every dot is a row; on the line the law is right, above it the run came out higher than "
        "the law says."
    )
    return Picture("fit", "Observed against the law", caption, figure)


def drawn_rows(count: int) -> slice:
    """Which rows are drawn: all, or every so many where a picture would hold too many dots.

    Args:
        count: of rows.

    Returns:
        Their places.
    """
    return slice(None, None, max(1, -(-count // MOST_DRAWN)))
