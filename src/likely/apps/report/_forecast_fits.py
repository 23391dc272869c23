"""The law among the runs it was fitted to: curves with bands, or predicted against observed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from likely.apps.report._forecast_against import drawn_rows, of_rows
from likely.apps.report._forecast_axes import key_of, logarithmic, named, shades, short
from likely.apps.report._forecast_ink import LAW, SEEN, TOLD, Picture, sheet
from likely.forecast.fitted import Fit, Prediction
from likely.forecast.reach import compute_of, is_numeric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CURVES, _LISTED, _PLACES = 6, 8, 60


@dataclass(frozen=True, eq=False)
class Asked:
    """A run that somebody wants to know of, and what the law says.

    Args:
        columns: what the run is.
        says: the prediction, of one run.
    """

    columns: Mapping[str, float]
    says: Prediction


@dataclass(frozen=True, eq=False)
class _Place:
    """What is drawn along the axis, and what tells the curves apart.

    Args:
        moving: the column that grows along a curve.
        by: the column that each curve has one value of; None for a single curve.
        is_compute: whether the axis shows compute in place of the moving column.
    """

    moving: str
    by: str | None
    is_compute: bool = False


def of_fit(fit: Fit, table: Mapping[str, Any], asked: Asked | None = None) -> Picture:
    """The law's curves with their bands among the runs.

    Args:
        fit: the law.
        table: what it was fitted to.
        asked: a run that is predicted.

    Returns:
        The figure; predicted against observed where the law reads more than two columns that vary.
    """
    place = _place_of(fit, table)
    if place is None:
        return of_rows(fit, table)
    figure = sheet()
    axes = figure.subplots()
    values = np.asarray(table[place.by], np.float64) if place.by else np.ones(fit.count)
    sizes = _sizes(values)
    colours = shades(np.concatenate([sizes, values])) if place.by else None
    for i, size in enumerate(sizes):
        colour = LAW if colours is None else colours[i]
        _curve(axes, fit, table, place, size, sizes, values, colour)
    x, y = _across(table, place), np.asarray(table[fit.law.output], np.float64)
    kept = drawn_rows(len(x))
    dots = SEEN if colours is None else colours[len(sizes) :][kept]
    axes.scatter(x[kept], y[kept], c=dots, s=15, linewidths=0.4, edgecolors="white", zorder=3)
    ends = [x.min(), x.max(), y.min(), y.max()]
    if asked is not None:
        _way(axes, fit, asked, place)
        ends = _told(axes, asked, place, ends)
    logarithmic(axes, "x", low=ends[0] / 1.3, high=ends[1] * 1.3)
    logarithmic(axes, "y", low=ends[2] / 1.03, high=ends[3] * 1.03, fine=True)
    axes.set_xlabel(named("flops" if place.is_compute else place.moving))
    axes.set_ylabel(named(fit.law.output))
    if place.by or asked is not None:
        key_of(axes, named(place.by) if place.by else "")
    return Picture("fit", "The law among its runs", _caption(fit, place, asked), figure)


def _place_of(fit: Fit, table: Mapping[str, Any]) -> _Place | None:
    columns = fit.law.columns
    if not all(is_numeric(table.get(name)) for name in columns):
        return None
    varying = [name for name in columns if np.ptp(table[name]) > 0]
    if set(varying) == {"params", "tokens"}:
        return _Place("tokens", "params", is_compute=True)
    if len(varying) == 1:
        return _Place(varying[0], None)
    if len(varying) != 2:
        return None
    few, many = sorted(varying, key=lambda name: len(np.unique(table[name])))
    return _Place(many, few)


def _sizes(values: Float[np.ndarray, "R"]) -> Float[np.ndarray, "K"]:
    """What curves are drawn for: every value where they are few, else some over their range."""
    _, first = np.unique(np.round(np.log(values), 3), return_index=True)
    distinct = np.sort(values[first])
    if len(distinct) <= _LISTED:
        return np.asarray(distinct)
    low, high = np.quantile(values, [0.05, 0.95])
    nearest = [
        distinct[np.abs(np.log(distinct / size)).argmin()]
        for size in np.geomspace(low, high, _CURVES)
    ]
    return np.unique(nearest)


def _across(table: Mapping[str, Any], place: _Place) -> Float[np.ndarray, "R"]:
    values = compute_of(table) if place.is_compute else table[place.moving]
    return np.asarray(values, np.float64)


def _curve(
    axes: "Axes",
    fit: Fit,
    table: Mapping[str, Any],
    place: _Place,
    size: float,
    sizes: Any,
    values: Any,
    colour: Any,
) -> None:
    """The law and its band at one value of the column that tells curves apart."""
    near = np.abs(np.log(sizes[None] / values[:, None])).argmin(axis=1)
    mine = sizes[near] == size
    span = np.asarray(table[place.moving], np.float64)[mine]
    # A single run has a piece of curve too.
    beyond = max(1.1, float(np.sqrt(3 * span.min() / span.max())))
    moving = np.geomspace(span.min() / beyond, span.max() * beyond, _PLACES)
    columns = {
        name: np.full(_PLACES, float(np.asarray(table[name], np.float64)[0]))
        for name in fit.law.columns
    }
    columns[place.moving] = moving
    if place.by:
        columns[place.by] = np.full(_PLACES, size)
    said = fit.predict(columns)
    x = moving
    if place.is_compute:
        params, tokens = (np.asarray(table[n], np.float64)[mine] for n in ("params", "tokens"))
        x = 6 * size * moving * np.median(compute_of(table)[mine] / (6 * params * tokens))
    axes.fill_between(x, said.low, said.high, color=colour, alpha=0.22, linewidth=0)
    axes.plot(x, said.value, color=colour, label=short(size) if place.by else "the law")


def _way(axes: "Axes", fit: Fit, asked: Asked, place: _Place) -> None:
    """The law from the end of the table to what was asked for, all else as asked."""
    at, (low, high) = float(asked.columns[place.moving]), fit.spans[place.moving]
    columns = {name: np.full(_PLACES, float(value)) for name, value in asked.columns.items()}
    columns[place.moving] = np.geomspace(at, high if at > high else max(low, at / 10), _PLACES)
    said, x = fit.predict(columns), _across(columns, place)
    axes.fill_between(x, said.low, said.high, color=TOLD, alpha=0.12, linewidth=0)
    axes.plot(x, said.value, color=TOLD, linestyle="--", linewidth=1.1)


def _told(axes: "Axes", asked: Asked, place: _Place, ends: list[float]) -> list[float]:
    """The run that was asked for, and the axes' ends with it."""
    one = asked.says
    known = {name: np.array([value]) for name, value in asked.columns.items()}
    at = float(_across(known, place)[0])
    low, value, high = float(one.run_low[0]), float(one.value[0]), float(one.run_high[0])
    axes.errorbar(
        [at],
        [value],
        yerr=[[value - low], [high - value]],
        fmt="D",
        color=TOLD,
        markersize=6,
        capsize=4,
        label="asked for",
        zorder=4,
    )
    return [min(ends[0], at), max(ends[1], at), min(ends[2], low), max(ends[3], high)]


def _caption(fit: Fit, place: _Place, asked: Asked | None) -> str:
    what = f"each at one value of {named(place.by)}" if place.by else "over the table's range"
    band = ", and bands hold its 95 % interval" if len(fit.samples) else ""
    diamond = "; the diamond is the run that was asked for, with the interval of such runs"
    return (
        f"Dots are runs and lines are the law, {what}{band}{diamond if asked else ''}: dots that "
        "leave their line together, most of all at the dear end, mean that the law bends."
    )
