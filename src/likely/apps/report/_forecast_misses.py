"""By how much the law misses: its own runs, and dear runs that it had not seen."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from likely.apps.report._forecast_against import drawn_rows
from likely.apps.report._forecast_axes import logarithmic, named, short
from likely.apps.report._forecast_ink import LAW, SEEN, TOLD, Picture, sheet
from likely.apps.report._forecast_names import called, name_dots
from likely.core.errors import BadInput
from likely.forecast.fitted import Fit
from likely.forecast.law import Law
from likely.forecast.reach import compute_of, costs_of, is_numeric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMED, _FAR = 4, 6.0
PLACE = "row of the table"


def of_residuals(fit: Fit, table: Mapping[str, Any]) -> Picture:
    """What every run lost more or less than the law says, over what it cost.

    Args:
        fit: the law.
        table: what it was fitted to.

    Returns:
        The figure.
    """
    figure = sheet(high=3.9)
    axes = figure.subplots()
    label, costs = costs_along(fit.law, table)
    y = 100 * fit.residuals
    low, high = _noise(fit)
    edge = _edge(y)
    inside = np.abs(y) <= edge
    odd = _odd(fit, y)
    axes.axhspan(low, high, color=LAW, alpha=0.14, linewidth=0)
    axes.axhline(0, color=LAW, linewidth=1.2)
    usual = np.flatnonzero(inside & ~np.isin(np.arange(len(y)), odd))
    usual = usual[drawn_rows(len(usual))]
    axes.scatter(costs[usual], y[usual], c=SEEN, s=13, linewidths=0.3, edgecolors="white", zorder=3)
    for up in (True, False):
        some = odd[(y[odd] > 0) == up]
        height = np.clip(y[some], -0.94 * edge, 0.94 * edge)
        out = np.abs(y[some]) > edge
        for rows, marker in ((~out, "o"), (out, "^" if up else "v")):
            axes.scatter(costs[some][rows], height[rows], c=TOLD, s=26, marker=marker, zorder=4)
    axes.set_ylim(-edge, edge)
    along(axes, label, costs)
    heights = np.clip(y, -0.94 * edge, 0.94 * edge)
    said = [
        f"{name}, {y[row]:+.1f} %" if abs(y[row]) > edge else name
        for row, name in zip(odd, called(table, odd, len(y)), strict=True)
    ]
    name_dots(axes, costs, heights, odd, said)
    axes.set_ylabel(f"log of observed over the law, in %\n({above(fit.law)})")
    caption = (
        "Each dot is a run; the band holds 95 % of runs, and runs far outside are named; a cloud "
        "that tilts or bends along the axis is a law of the wrong form, not noise."
    )
    return Picture("residuals", "By how much runs miss the law", caption, figure)


def costs_along(law: Law, table: Mapping[str, Any]) -> tuple[str, Float[np.ndarray, "R"]]:
    """What rows are laid out by: compute, else the last number that the law reads, else order.

    Args:
        law: what is fitted.
        table: column → values, `[R]`.

    Returns:
        Label of the axis, and one number a row.
    """
    try:
        costs = costs_of(law, table, None)
    except BadInput:
        return PLACE, np.arange(1.0, len(table[law.output]) + 1)
    if compute_of(table) is not None:
        return named("flops"), costs
    read = [name for name in law.columns if is_numeric(table.get(name))]
    return named([name for name in read if np.array_equal(table[name], costs)][-1]), costs


def above(law: Law) -> str:
    """What it means to lie above the law.

    Args:
        law: a law.

    Returns:
        Words for an axis.
    """
    return "above 0: lost more" if law.output == "loss" else "above 0: came out higher"


def along(axes: "Axes", label: str, costs: Any) -> None:
    """Lay an axis out by what rows cost.

    Args:
        axes: of the figure.
        label: below it.
        costs: of every row.
    """
    from matplotlib.ticker import FuncFormatter

    low, high = float(costs.min()), float(costs.max())
    if low > 0 and high / low > 3:
        logarithmic(axes, "x", low=low / 1.3, high=high * 1.3)
    else:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: short(v)))
    axes.set_xlabel(label)


def _noise(fit: Fit) -> tuple[float, float]:
    kept = fit.spare_residuals()
    if not len(kept):
        return 0.0, 0.0
    low, high = np.quantile(kept, [0.025, 0.975])
    return 100 * float(low), 100 * float(high)


def _edge(y: Any) -> float:
    """The end of the axis: a few runs far away shall not press all others into a line."""
    size = np.abs(y)
    usual = float(np.quantile(size, 0.95)) or float(size.max()) or 1.0
    return 1.15 * (float(size.max()) if size.max() <= _FAR * usual else 2.5 * usual)


def _odd(fit: Fit, y: Any) -> Any:
    """The runs that are named: the farthest, where they are far beyond the usual miss."""
    size = np.abs(y)
    kept = np.abs(100 * fit.spare_residuals())
    usual = float(np.median(kept)) if len(kept) else float(size.max())
    wide = 1.25 * float(np.quantile(kept, 0.9)) if len(kept) else 0.0
    far = np.flatnonzero(size > max(4.5 * usual, wide, 1e-3))
    return far[np.argsort(-size[far])][:_NAMED]
