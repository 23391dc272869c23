"""How far a coefficient may be moved before the runs object."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from likely.apps._forecast_shown import figure as written
from likely.apps.report._forecast_axes import logarithmic, short
from likely.apps.report._forecast_ink import LAW, SEEN, TOLD, Picture, sheet
from likely.forecast.profile import Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACROSS, _MOST = 3, 9


def of_profiles(profiles: Sequence[Profile]) -> Picture | None:
    """What it costs to hold a coefficient elsewhere, one panel each.

    Args:
        profiles: of single coefficients.

    Returns:
        The figure; None without any.
    """
    if not profiles:
        return None
    some = profiles[:_MOST]
    across = min(_ACROSS, len(some))
    down = -(-len(some) // across)
    figure = sheet(wide=7.2 if across == _ACROSS else 6.0, high=3.2 if down == 1 else 2.6 * down)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, one in zip(panels, some, strict=False):
        _panel(axes, one)
    for axes in panels[len(some) :]:
        axes.set_visible(False)
    for axes in panels[::across]:
        axes.set_ylabel("twice the log-likelihood lost")
    caption = (
        "Each curve says how much worse the fit gets when one coefficient is held there and all "
        "others are fitted again; below the dashed line a value is not refuted at "
        f"{100 * some[0].level:.0f} %, and a curve that stays below it to an edge says that the "
        "data do not bound the coefficient on that side."
    )
    return Picture("profiles", "Coefficients that are hard to tell", caption, figure)


def _panel(axes: "Axes", one: Profile) -> None:
    from matplotlib.ticker import FuncFormatter

    top = 3.5 * one.threshold
    low, high = _window(one, top)
    axes.axvspan(one.low, one.high, color=LAW, alpha=0.12, linewidth=0)
    axes.axhline(one.threshold, color=TOLD, linewidth=1.1, linestyle="--")
    axes.plot(one.values, one.statistic, color=LAW, marker="o", markersize=2.6)
    axes.plot([one.values[one.statistic.argmin()]], [0], "D", color=SEEN, markersize=5)
    if low > 0 and high / low > 8:
        logarithmic(axes, "x", low=low, high=high, most=4)
    elif high > low:
        axes.set_xlim(low, high)
        if high > 1e4:
            axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: short(v)))
        axes.locator_params(axis="x", nbins=4)
    axes.set_ylim(-0.03 * top, top)
    axes.locator_params(axis="y", nbins=4)
    left = "unbounded" if one.open_below else written(one.low)
    right = "unbounded" if one.open_above else written(one.high)
    open_ended = one.open_below and one.open_above
    says = "any value fits" if open_ended else f"{left} to {right}"
    axes.set_title(says, loc="left", fontsize=8.5)
    axes.set_xlabel(one.name)


def _window(one: Profile, top: float) -> tuple[float, float]:
    """The values between which the curve is below the top of the picture."""
    best = int(one.statistic.argmin())
    ends = []
    for values, lost in (
        (one.values[best::-1], one.statistic[best::-1]),
        (one.values[best:], one.statistic[best:]),
    ):
        above = np.flatnonzero(lost > top)
        last = int(above[0]) if len(above) else len(values) - 1
        a, b = max(last - 1, 0), last
        share = (top - lost[a]) / (lost[b] - lost[a]) if len(above) else 1.0
        ends.append(float(values[a] + share * (values[b] - values[a])))
    return ends[0], ends[1]
