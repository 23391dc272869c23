"""The methods paragraph of a forecast: what a paper must say, from what the fit holds."""

from collections.abc import Mapping, Sequence
from typing import Any

from likely.apps._forecast_shown import figure as written
from likely.apps.report._forecast_words import Told, held_out_words
from likely.apps.report._numbers import joined
from likely.forecast.fitted import Fit
from likely.forecast.profile import Profile


def methods(told: Told) -> list[str]:
    """How it was done, so that somebody else could do it again.

    Args:
        told: what there is.

    Returns:
        Paragraphs.
    """
    fit, settings = told.fit, told.settings
    rows = f"{fit.count:,} rows"
    if fit.units != fit.count:
        rows += f" of {fit.units:,} independent runs"
    told_of = [
        f"We fitted {fit.law} to {rows} by minimising the sum of Huber's loss of the log "
        f"residuals, which turns from square to straight at δ = {fit.delta:g}; the sum came to "
        f"{fit.objective:.8e}. {settings.get('starts', 16)} points of a grid descended together "
        f"by Levenberg–Marquardt with the straight part reweighted, and {fit.arrived:.0%} of them "
        f"ended at the best fit, whose condition number is {written(fit.condition)}."
        f"{_given(fit, settings)}",
        f"{_intervals(fit, settings)}{_profiles(told.profiles)}",
        held_out_words(told),
    ]
    return told_of


def _given(fit: Fit, settings: Mapping[str, Any]) -> str:
    held = [f"{name} = {written(value)}" for name, value in fit.held.items()]
    said = f" Held, not fitted: {joined(held)}." if held else ""
    priors = [
        f"{name} = {written(mean)} ± {written(wide)}"
        for name, (mean, wide) in dict(settings.get("priors") or {}).items()
    ]
    return said + (f" Believed before: {joined(priors)}." if priors else "")


def _intervals(fit: Fit, settings: Mapping[str, Any]) -> str:
    if not len(fit.samples):
        return "No table was drawn again, so that there are no intervals."
    names = joined([str(name) for name in settings.get("by") or ()])
    unit = "rows" if fit.units == fit.count else "runs, rows of a run together,"
    unit = f"runs, told apart by {names}," if names else unit
    said = (
        f"Intervals are percentiles of {len(fit.samples):,} refits to tables whose {unit} were "
        f"drawn again with replacement (seed {settings.get('seed', 0)}); the interval of a run has "
        "residuals drawn again on top."
    )
    if not fit.tested:
        return (
            f"{said} The table is too small to test the law within it; predictions' intervals are "
            f"widened {fit.stretch:.2f} times, for having {fit.units} runs and {len(fit.fitted)} "
            "coefficients."
        )
    if fit.stretch > 1:
        return (
            f"{said} Rows of the table, predicted from the others, missed by "
            f"{fit.stretch:.2f} times what such intervals said, and intervals of predictions are "
            "widened by that factor."
        )
    return f"{said} Dear rows of the table were not missed by more than that: nothing was widened."


def _profiles(profiles: Sequence[Profile]) -> str:
    if not profiles:
        return ""
    names = joined([one.name for one in profiles])
    return (
        f" The likelihood of {names} was profiled: all others were fitted again wherever it was "
        "held, and the interval is where a robust likelihood ratio stays below the quantile of "
        "its F distribution."
    )
