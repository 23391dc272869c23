"""Laws of size and data: valleys of equal compute, and the map of both with its frontier."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from likely.apps.report._forecast_axes import MARKERS, key_of, logarithmic, named, shades, short
from likely.apps.report._forecast_ink import TOLD, Picture, sheet
from likely.core.errors import BadInput
from likely.forecast.fitted import Fit
from likely.forecast.plan import Plan, for_compute
from likely.forecast.reach import OPERATIONS

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
    if not splits_compute(fit):
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
        f"Dots are runs within {100 * (_NEAR - 1):.0f} % of a budget, lines the law at just that "
        "budget, and stars its lowest point with the interval of the best size: a star outside the "
        "dots is extrapolated, and dots with no turn cannot say where the valley is."
    )
    return Picture("valleys", "Valleys of equal compute", caption, figure)


def splits_compute(fit: Fit) -> bool:
    """Whether a law says how to split a budget between size and data.

    Args:
        fit: of any law.

    Returns:
        True for losses of params and tokens.
    """
    return set(fit.law.columns) == {"params", "tokens"} and fit.law.output == "loss"


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
    plan = best_split(fit, budget)
    if plan is None:
        return []
    size, loss = plan.params, plan.loss.value
    axes.plot([size.low, size.high], [loss, loss], color=TOLD, linewidth=1.4, zorder=4)
    axes.plot([size.value], [loss], "*", color=TOLD, markersize=9, zorder=5, mec="white", mew=0.5)
    return [loss]


def best_split(fit: Fit, budget: float) -> Plan | None:
    """The best size for a budget.

    Args:
        fit: of a law of params and tokens.
        budget: FLOPs.

    Returns:
        The plan; None where by this fit there is none.
    """
    try:
        return for_compute(fit, flops=budget)
    except BadInput:  # By this fit there is no best size.
        return None
