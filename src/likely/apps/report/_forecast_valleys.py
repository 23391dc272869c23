"""Laws of size and data: valleys of equal compute, and the map of both with its frontier."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from likely.apps.report._forecast_ink import (
    LAW,
    MARKERS,
    SEEN,
    SOFT,
    TOLD,
    Picture,
    key_of,
    logarithmic,
    named,
    shades,
    sheet,
    short,
)
from likely.core.errors import BadInput
from likely.forecast.fitted import Fit
from likely.forecast.plan import OPERATIONS, Plan, for_compute

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BUDGETS, _FEWEST, _NEAR, _APART = 5, 4, 1.12, 2.2
_PLACES = 80


def of_valleys(fit: Fit, table: Mapping[str, Any]) -> Picture | None:
    """Loss over size at budgets that the table has several sizes of.

    Args:
        fit: of a law of params and tokens.
        table: what it was fitted to.

    Returns:
        The figure; None where the law or the table has no such budgets.
    """
    if set(fit.law.columns) != {"params", "tokens"}:
        return None
    params, tokens = (np.asarray(table[name], np.float64) for name in ("params", "tokens"))
    compute = OPERATIONS * params * tokens
    budgets = budgets_of(compute, params)
    if len(budgets) < 2:
        return None
    figure = sheet()
    axes = figure.subplots()
    seen = np.asarray(table[fit.law.output], np.float64)
    shown: list[float] = []
    for i, (budget, colour) in enumerate(zip(budgets, shades(budgets), strict=True)):
        near = np.abs(np.log(compute / budget)) < np.log(_NEAR)
        sizes = np.geomspace(params[near].min() / 1.5, params[near].max() * 1.5, _PLACES)
        said = fit.predict({"params": sizes, "tokens": budget / (OPERATIONS * sizes)})
        axes.fill_between(sizes, said.low, said.high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(sizes, said.value, color=colour)
        axes.plot(
            params[near],
            seen[near],
            MARKERS[i],
            color=colour,
            markersize=4.5,
            markeredgecolor="white",
            markeredgewidth=0.4,
            label=f"{short(budget)} FLOPs",
        )
        shown += [*seen[near], *said.value]
        shown += _lowest(axes, fit, budget)
    logarithmic(axes, "x", low=params.min() / 1.6, high=params.max() * 1.6)
    logarithmic(axes, "y", low=min(shown) / 1.02, high=max(shown) * 1.02, fine=True)
    axes.set_xlabel(named("params"))
    axes.set_ylabel(named(fit.law.output))
    key_of(axes, "compute 6ND")
    caption = (
        f"Dots are runs within {_NEAR - 1:.0%} of a budget, lines the law at just that budget, and "
        "stars its lowest point with the interval of the best size: a star outside the dots is "
        "extrapolated, and dots with no turn cannot say where the valley is."
    )
    return Picture("valleys", "Valleys of equal compute", caption, figure)


def budgets_of(compute: Any, params: Any) -> list[float]:
    """Budgets near which a table has at least four sizes, well apart.

    Args:
        compute: of every run, `[R]`.
        params: of every run, `[R]`.

    Returns:
        Five at most, ascending.
    """
    chosen: list[tuple[int, float]] = []
    sizes = np.round(np.log(params), 2)
    found = []
    for middle in np.unique(compute):
        near = np.abs(np.log(compute / middle)) < np.log(_NEAR)
        found.append((len(np.unique(sizes[near])), float(np.exp(np.log(compute[near]).mean()))))
    for count, budget in sorted(found, key=lambda one: (-one[0], one[1])):
        apart = all(abs(np.log(budget / other)) > np.log(_APART) for _, other in chosen)
        if count >= _FEWEST and apart and len(chosen) < _BUDGETS:
            chosen.append((count, budget))
    return sorted(budget for _, budget in chosen)


def _lowest(axes: "Axes", fit: Fit, budget: float) -> list[float]:
    plan = _plan(fit, budget)
    if plan is None:
        return []
    size, loss = plan.params, plan.loss.value
    axes.plot([size.low, size.high], [loss, loss], color=TOLD, linewidth=1.4, zorder=4)
    axes.plot([size.value], [loss], "*", color=TOLD, markersize=9, zorder=5, mec="white", mew=0.5)
    return [loss]


def _plan(fit: Fit, budget: float) -> Plan | None:
    try:
        return for_compute(fit, flops=budget)
    except BadInput:  # By this fit there is no best size.
        return None


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
    if set(fit.law.columns) != {"params", "tokens"}:
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
            *place, f"1e{power:.0f}", fontsize=7.5, color=SOFT, ha="right", va="bottom", zorder=4
        )
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.9})


def _frontier(axes: "Axes", fit: Fit, budgets: Any) -> None:
    plans = [plan for plan in (_plan(fit, float(one)) for one in budgets) if plan is not None]
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
