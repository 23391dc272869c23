"""What the page of a forecast says in sentences: the answer, the test, the methods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from likely.apps._forecast_shown import figure as written
from likely.apps.report._forecast_axes import named, short
from likely.apps.report._forecast_fits import Asked
from likely.apps.report._forecast_misses import PLACE, costs_along
from likely.apps.report._numbers import joined, many
from likely.forecast.cautions import Caution
from likely.forecast.fitted import Fit, Prediction
from likely.forecast.plan import Plan
from likely.forecast.profile import Profile
from likely.forecast.rollout import Rollout


@dataclass(frozen=True, eq=False)
class Told:
    """Everything that a page of a forecast is made of.

    Args:
        fit: the law.
        table: what it was fitted to; its notes say how it was read.
        profiles: of single coefficients.
        held_out: dear rows that were predicted from the cheap ones.
        why_not: why there are none.
        asked: a run that is predicted.
        plan: what to train for a budget.
        no_plan: why there is none, where one was asked for.
        settings: of the fit: `starts`, `bootstrap`, `seed`, `by`, `priors`.
        command: what makes the page again.
        sources: name, bytes and fingerprint of every file that was read.
    """

    fit: Fit
    table: Mapping[str, Any]
    profiles: Sequence[Profile] = ()
    held_out: Rollout | None = None
    why_not: str = ""
    asked: Asked | None = None
    plan: Plan | None = None
    no_plan: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    sources: Sequence[tuple[str, int, str]] = ()

    @property
    def cautions(self) -> list[Caution]:
        """What speaks against the fit, the prediction and the plan, each once."""
        parts = [self.fit.cautions]
        parts += [self.asked.says.cautions] if self.asked else []
        parts += [self.plan.cautions] if self.plan else []
        return list({one.says: one for some in parts for one in some}.values())


def headline(told: Told) -> str:
    """The answer in a sentence: of the run that was asked for, else of the dearest in the table.

    Args:
        told: what there is.

    Returns:
        A sentence without a full stop.
    """
    fit = told.fit
    if told.asked is not None:
        said = told.asked.says
        expected = amount_of(fit, float(said.value[0]))
        return f"{fit.law.name} expects {expected} from {run_in_words(told.asked.columns)}"
    label, costs = costs_along(fit.law, told.table)
    dearest = int(np.argmax(costs))
    seen = float(np.asarray(told.table[fit.law.output], np.float64)[dearest])
    value = float(seen * np.exp(-fit.residuals[dearest]))
    away = 100 * (seen / value - 1)
    last = {named("flops"): "dearest", named("step"): "last", PLACE: "last"}.get(label, "largest")
    side = "above" if away > 0 else "below"
    return (
        f"The {last} of {fit.count:,} rows came to {amount_of(fit, seen)}, "
        f"{abs(away):.2g}\u00a0% {side} what {fit.law.name} says"
    )


def amount_of(fit: Fit, value: float) -> str:
    """A prediction with its unit.

    Args:
        fit: of the law.
        value: what it says.

    Returns:
        `a loss of 2.021 nats/token`.
    """
    name, _, unit = named(fit.law.output).partition(" (")
    return f"a {name} of {written(value)} {unit.rstrip(')')}".rstrip()


def run_in_words(columns: Mapping[str, float]) -> str:
    """A run as people say it.

    Args:
        columns: what it is.

    Returns:
        `70B parameters and 1.4T training tokens`.
    """
    said = []
    for column, value in columns.items():
        name, _, unit = named(column).partition(" (")
        size = f"{short(value)} {unit.rstrip(')') or name}"
        said.append(f"a {name} of {size}" if unit else size)
    return joined(said)


def _span(said: Prediction) -> str:
    low, high, run_low, run_high = (
        written(float(one[0])) for one in (said.low, said.high, said.run_low, said.run_high)
    )
    return (
        f"{100 * said.level:.0f} % of such runs should come to {run_low} to {run_high}; the law "
        f"itself lies between {low} and {high}."
    )


def leads(told: Told) -> list[str]:
    """What stands below the headline: how much speaks against it, and how the law fared.

    Args:
        told: what there is.

    Returns:
        Sentences.
    """
    count = len(told.cautions)
    said = [_span(told.asked.says)] if told.asked and len(told.fit.samples) else []
    if count:
        them = "it" if count == 1 else "them"
        against = "speaks" if count == 1 else "speak"
        said.append(
            f"{count} {many('warning', count)} {against} against these numbers: read {them} first."
        )
    said.append(held_out_words(told))
    return said


def held_out_words(told: Told) -> str:
    """How the law did on dear rows that it had not seen.

    Args:
        told: what there is.

    Returns:
        A sentence.
    """
    found = told.held_out
    if found is None:
        return f"The law was not tested on rows that it had not seen: {told.why_not}"
    said = (
        f"Fitted to the {found.fit.count:,} cheaper rows alone, it missed the {len(found.rows):,} "
        f"dearest by {found.mean_error:.2%} on average and by {found.largest_error:.2%} at most"
    )
    if not len(found.fit.samples):
        return f"{said}."
    count = int(found.inside.sum())
    level = f"{100 * found.level:.0f} %"
    return f"{said}; {count:,} of {len(found.rows):,} lie inside its {level} interval."
