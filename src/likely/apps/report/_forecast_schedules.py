"""Laws of learning-rate schedules: rates above, losses below, one colour a run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from likely.apps.report._forecast_against import drawn_rows
from likely.apps.report._forecast_axes import MARKERS, named, plain, short
from likely.apps.report._forecast_ink import Picture, sheet
from likely.forecast.fitted import Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RUNS, _PLACES = 6, 400
_COLOURS = ("#0b6bb3", "#b3560b", "#0a7a5c", "#8a4fa8", "#33312d", "#c2a100")


def of_schedules(fit: Fit, table: Mapping[str, Any]) -> Picture | None:
    """The rate of every run above what it lost and what the law says it should have.

    Args:
        fit: of a law that reads schedules.
        table: what it was fitted to.

    Returns:
        The figure; None for other laws.
    """
    if "schedule" not in fit.law.columns or "step" not in table:
        return None
    figure = sheet(high=5.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2.2))
    step = np.asarray(table["step"], np.float64)
    seen = np.asarray(table[fit.law.output], np.float64)
    told = seen * np.exp(-fit.residuals)
    runs = _runs(table["schedule"])
    for i, rows in enumerate(runs[:_RUNS]):
        first = int(rows[0])
        label, rates = _called(table, first, i), np.asarray(table["schedule"][first])
        order = rows[np.argsort(step[rows])]
        some = order[drawn_rows(len(order) * min(len(runs), _RUNS))]
        kept = np.unique(np.linspace(0, len(rates) - 1, _PLACES).astype(int))
        above.plot(kept + 1, rates[kept], color=_COLOURS[i], linewidth=1.3, label=label)
        below.plot(
            step[some], seen[some], MARKERS[i], color=_COLOURS[i], markersize=2.6, alpha=0.55, mew=0
        )
        below.plot(step[order], told[order], color=_COLOURS[i], linewidth=1.3)
    above.set_ylim(bottom=0)
    above.set_ylabel("learning rate")
    above.legend(fontsize=7.5, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    _ends(below, step, np.concatenate([seen, told]))
    below.set_xlabel(named("step"))
    below.set_ylabel(named(fit.law.output))
    more = f" The first {_RUNS} of {len(runs)} runs are drawn." if len(runs) > _RUNS else ""
    caption = (
        "Above, the learning rate of each run; below, dots are what it lost and lines what the law "
        f"says: look for lines that leave the dots where the rate falls.{more}"
    )
    return Picture("schedules", "Learning rates, and what came of them", caption, figure)


def _runs(schedules: Any) -> list[Int[np.ndarray, "_"]]:
    """Rows of each run: they share one schedule."""
    found: dict[int, list[int]] = {}
    for row, one in enumerate(schedules):
        found.setdefault(id(one), []).append(row)
    return [np.array(rows) for rows in found.values()]


def _called(table: Mapping[str, Any], row: int, number: int) -> str:
    for name in ("schedule_name", "run", "name"):
        values = table.get(name)
        if values is not None:
            return plain(values[row], 24)
    return f"schedule {number + 1}"


def _ends(axes: "Axes", step: Any, losses: Any) -> None:
    """The first steps fall from far above; what is compared is the rest."""
    from matplotlib.ticker import FuncFormatter

    low, high = float(losses.min()), float(np.quantile(losses, 0.98))
    space = 0.06 * max(high - low, 1e-6)
    axes.set_ylim(low - space, high + space)
    axes.set_xlim(0, float(step.max()) * 1.02)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: short(v)))
