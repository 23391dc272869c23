"""`render_forecast`: the page of a law that was fitted to a table of runs."""

import platform
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from typing import Any

from markupsafe import Markup

from likely.apps._forecast_shown import figure as written
from likely.apps.report._forecast_axes import named, short
from likely.apps.report._forecast_ink import Picture, inline
from likely.apps.report._forecast_law_words import drawn_formula, formula, meanings, references
from likely.apps.report._forecast_methods import methods
from likely.apps.report._forecast_words import Told, headline, leads
from likely.apps.report._template import page
from likely.core.estimate import Estimate
from likely.forecast.profile import Profile


def render_forecast(told: Told, pictures: Sequence[Picture]) -> str:
    """Write the page of a forecast.

    Args:
        told: what it is made of.
        pictures: its figures.

    Returns:
        HTML that needs nothing but itself.
    """
    fit = told.fit
    return page(
        "forecast",
        headline=headline(told),
        leads=leads(told),
        law=str(fit.law),
        formula=Markup(drawn_formula(fit.law)),
        latex=formula(fit.law),
        cautions=told.cautions,
        predictions=_predictions(told),
        plan=_plan(told),
        no_plan=told.no_plan,
        coefficients=_coefficients(told),
        has_profiles=bool(told.profiles),
        has_intervals=bool(len(fit.samples)),
        pictures=[
            {"title": one.title, "caption": one.caption, "svg": Markup(inline(one))}
            for one in pictures
        ],
        spans=_spans(told),
        notes=list(getattr(told.table, "notes", ())),
        methods=methods(told),
        references=references(fit.law),
        command=told.command,
        sources=[
            {"name": name, "bytes": f"{size:,}", "fingerprint": mark}
            for name, size, mark in told.sources
        ],
        environment=_environment(),
    )


def _environment() -> dict[str, str]:
    names = ("likely", "numpy", "scipy", "matplotlib")
    made = {"date": date.today().isoformat(), "python": platform.python_version()}
    return made | {name: version(name) for name in names}


def _predictions(told: Told) -> list[dict[str, str]]:
    """The run that was asked for: what it is, what to expect."""
    if told.asked is None:
        return []
    one = told.asked.says
    rows = [(named(name), short(value), "given") for name, value in told.asked.columns.items()]
    ends = (one.low, one.high), (one.run_low, one.run_high)
    law, run = (f"{written(float(low[0]))} … {written(float(high[0]))}" for low, high in ends)
    value = written(float(one.value[0]))
    label = named(told.fit.law.output)
    if not len(told.fit.samples):
        law = run = "none: nothing was drawn again"
    rows += [
        (f"{label}, of the law", value, law),
        (f"{label}, of one run", value, run),
    ]
    return [{"name": name, "value": value, "interval": span} for name, value, span in rows]


def _plan(told: Told) -> list[dict[str, str]]:
    plan = told.plan
    if plan is None:
        return []
    rows: list[tuple[str, Estimate]] = [
        (named("flops"), plan.flops),
        (named("params"), plan.params),
        (named("tokens"), plan.tokens),
        ("tokens per parameter", plan.tokens_per_param),
        (named(told.fit.law.output), plan.loss),
    ]
    return [
        {
            "name": name,
            "value": _size(one.value),
            "interval": "given"
            if one.low == one.high == one.value
            else f"{_size(one.low)} … {_size(one.high)}",
        }
        for name, one in rows
    ]


def _size(value: float) -> str:
    return short(value) if value >= 1e3 else f"{value:.4g}"


def _coefficients(told: Told) -> list[dict[str, Any]]:
    fit = told.fit
    ends, errors, known = fit.intervals(), fit.standard_errors, meanings(fit.law)
    profiles = {one.name: one for one in told.profiles}
    return [
        {
            "name": name,
            "says": known.get(name, ""),
            "value": written(fit.coefficients[name]),
            "error": written(errors[name]) if name in errors else "–",
            "interval": "held"
            if name in fit.held
            else " … ".join(map(written, ends[name]))
            if name in ends
            else "–",
            "profile": _profiled(profiles[name]) if name in profiles else "–",
        }
        for name in fit.law.names
    ]


def _profiled(one: Profile) -> str:
    if one.open_below and one.open_above:
        return "any value fits"
    if one.open_below:
        return f"up to {written(one.high)}"
    if one.open_above:
        return f"{written(one.low)} and above"
    return f"{written(one.low)} … {written(one.high)}"


def _spans(told: Told) -> list[dict[str, str]]:
    """From where to where the columns go: beyond that, every number is extrapolated."""
    order = (*told.fit.law.columns, told.fit.law.output, "flops", "tokens_per_param")
    spans = told.fit.spans
    return [
        {
            "name": named(name),
            "low": _size(spans[name][0]),
            "high": _size(spans[name][1]),
            "times": f"{spans[name][1] / spans[name][0]:,.4g}" if spans[name][0] > 0 else "–",
        }
        for name in dict.fromkeys(order)
        if name in spans
    ]
