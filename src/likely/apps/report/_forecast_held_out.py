"""Dear runs that the law had not seen, against what it promised of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from likely.apps.report._forecast_axes import key_of
from likely.apps.report._forecast_ink import LAW, SEEN, TOLD, Picture, sheet
from likely.apps.report._forecast_misses import above, along, costs_along
from likely.forecast.rollout import Rollout


def of_held_out(found: Rollout, table: Mapping[str, Any]) -> Picture:
    """Dear runs against what the cheap ones promised of them.

    Args:
        found: the prediction of rows that were not seen.
        table: all rows.

    Returns:
        The figure.
    """
    figure = sheet(high=3.9)
    axes = figure.subplots()
    law = found.fit.law
    label, all_costs = costs_along(law, table)
    costs = all_costs[found.rows]
    y = 100 * np.log(found.observed / found.value)
    ends = [100 * np.log(one / found.value) for one in (found.low, found.high)]
    axes.axhline(0, color=LAW, linewidth=1.2)
    if len(found.fit.samples):
        axes.vlines(
            costs,
            *ends,
            color=LAW,
            alpha=0.3,
            linewidth=4,
            label=f"{100 * found.level:.0f} % interval",
        )
    inside = found.inside if len(found.fit.samples) else np.ones(len(y), bool)
    axes.scatter(costs[inside], y[inside], c=SEEN, s=20, zorder=3, label="inside it")
    if not inside.all():
        axes.scatter(
            costs[~inside], y[~inside], c=TOLD, s=26, marker="X", zorder=4, label="outside it"
        )
    along(axes, label, costs)
    axes.margins(y=0.12)
    axes.set_ylabel(f"log of observed over predicted, in %\n({above(law)})")
    if len(found.fit.samples):
        key_of(axes, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    caption = (
        f"The law was fitted again to the {found.fit.count:,} cheaper rows and asked for the "
        f"{len(found.rows):,} dearest: bars are what it promised, dots what came; dots that "
        "drift to one side warn of what lies beyond the table."
    )
    return Picture("held-out", "Dear runs, predicted from the cheap ones", caption, figure)
