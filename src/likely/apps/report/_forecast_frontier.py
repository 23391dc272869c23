"""The map of size and data: lines of equal loss, and the best split of every budget."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from likely.apps.report._forecast_axes import key_of, logarithmic, named, shades
from likely.apps.report._forecast_ink import LAW, SEEN, SOFT, TOLD, Picture, sheet
from likely.apps.report._forecast_valleys import best_split, splits_compute
from likely.forecast.fitted import Fit
from likely.forecast.reach import OPERATIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PLACES = 80


def of_frontier(
    fit: Fit, table: Mapping[str, Any], extra: Sequence[Mapping[str, float]] = ()
) -> Picture | None:
    """Lines of equal loss over size and data, with the best split of every budget.

    Args:
        fit: of a law of params and tokens.
        table: what it was fitted to.
        extra: further places of the plane to mark: what was asked for.

    Returns:
        The figure; None for other laws.
    """
    if not splits_compute(fit):
        return None
    params, tokens = (np.asarray(table[name], np.float64) for name in ("params", "tokens"))
    asked = np.array([[one["params"], one["tokens"]] for one in extra]).reshape(-1, 2)
    x, y = np.append(params, asked[:, 0]), np.append(tokens, asked[:, 1])
    (left, right), (low, high) = _wide(x), _wide(y)
    figure = sheet(high=4.8)
    axes = figure.subplots()
    logarithmic(axes, "x", low=left, high=right)
    logarithmic(axes, "y", low=low, high=high)
    _levels(axes, fit, (left, right, low, high))
    _budget_lines(axes, (left, right, low, high))
    _frontier(axes, fit, OPERATIONS * np.geomspace(left * low, right * high, 15))
    axes.scatter(
        params, tokens, c=SEEN, s=11, linewidths=0.3, edgecolors="white", zorder=3, label="runs"
    )
    if len(asked):
        axes.plot(*asked.T, "D", color=TOLD, markersize=6, zorder=5, label="asked for")
    axes.set_xlabel(named("params"))
    axes.set_ylabel(named("tokens"))
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)
    key_of(axes, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    caption = (
        "Along a curve the loss is equal, along a dotted line compute is; the thick line is the "
        "best split of each budget, its band the 95 % interval: trust it where runs lie on both "
        "sides of it."
    )
    return Picture("frontier", "Equal loss, and the best use of compute", caption, figure)


def _wide(values: Float[np.ndarray, "_"]) -> tuple[float, float]:
    return float(values.min()) / 1.6, float(values.max()) * 1.6


def _levels(axes: "Axes", fit: Fit, box: tuple[float, float, float, float]) -> None:
    x, y = np.geomspace(box[0], box[1], _PLACES), np.geomspace(box[2], box[3], _PLACES)
    grid = np.meshgrid(x, y)
    columns = {"params": grid[0].ravel(), "tokens": grid[1].ravel()}
    loss = fit.law(columns, **fit.coefficients).reshape(grid[0].shape)
    # Even in compute along the diagonal, so that no part of the map is empty.
    along = np.unique(np.diag(loss))
    levels = np.unique([float(f"{v:.3g}") for v in np.quantile(along, np.linspace(0.06, 0.94, 9))])
    if len(levels) < 2:
        return
    drawn = axes.contour(*grid, loss, levels, colors=shades(levels), linewidths=1.1)
    axes.clabel(drawn, fontsize=8, fmt=lambda v: f"{v:.3g}", inline_spacing=3)


def _budget_lines(axes: "Axes", box: tuple[float, float, float, float]) -> None:
    first = np.ceil(np.log10(OPERATIONS * box[0] * box[2]))
    last = np.floor(np.log10(OPERATIONS * box[1] * box[3]))
    x = np.array([box[0], box[1]])
    for power in np.arange(first, last + 1, max(1.0, np.ceil((last - first) / 5))):
        y = 10**power / (OPERATIONS * x)
        axes.plot(x, y, ":", color=SOFT, linewidth=0.9)
        # The label stands where the line leaves the picture, at the right or below.
        at = 10**power / (OPERATIONS * box[1] / 1.06)
        inside = box[2] * 1.15 < at < box[3]
        place = (box[1] / 1.06, at) if inside else (10**power / (OPERATIONS * box[2] * 1.1), 0)
        if not inside and box[0] < place[0] < box[1] / 1.3:
            place = (place[0], box[2] * 1.1)
        elif not inside:
            continue
        label = axes.text(
            place[0],
            place[1],
            f"1e{power:.0f}",
            fontsize=7.5,
            color=SOFT,
            ha="right",
            va="bottom",
            zorder=4,
        )
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.9})


def _frontier(axes: "Axes", fit: Fit, budgets: Any) -> None:
    plans = [plan for plan in (best_split(fit, float(one)) for one in budgets) if plan is not None]
    if len(plans) < 2:
        return
    ends = [
        [(n, plan.flops.value / (OPERATIONS * n)) for n in (plan.params.low, plan.params.high)]
        for plan in plans
    ]
    edge = [one[0] for one in ends] + [one[1] for one in ends[::-1]]
    axes.fill(*np.array(edge).T, color=LAW, alpha=0.15, linewidth=0)
    best = np.array([(plan.params.value, plan.tokens.value) for plan in plans])
    axes.plot(*best.T, color=LAW, linewidth=2.6, label="best split of a budget")
