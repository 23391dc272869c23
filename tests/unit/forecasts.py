"""Tables of invented runs and pages of them, for the tests of the report of forecasts."""

import numpy as np

from likely.apps.report._forecast_figures import pictures_of
from likely.apps.report._forecast_fits import Asked
from likely.apps.report._forecast_words import Told
from likely.core.errors import BadInput
from likely.forecast.columns import Column, Exponent, Positive, Schedules
from likely.forecast.fit import fit
from likely.forecast.law import law
from likely.forecast.plan import for_compute
from likely.forecast.profile import profile
from likely.forecast.rollout import roll_out
from likely.forecast.table import Table


def runs(sizes=5, budgets=4, noise=0.004, seed=0):
    """Sizes around the best of several budgets, with the published numbers of Hoffmann."""
    budget = np.repeat(np.geomspace(1e18, 1e21, budgets), sizes)
    params = np.sqrt(budget / 120) * np.tile(np.geomspace(0.3, 3, sizes), budgets)
    tokens = budget / (6 * params)
    clean = 1.69 + 406.4 * params**-0.34 + 410.7 * tokens**-0.28
    loss = clean * np.exp(noise * np.random.default_rng(seed).standard_normal(len(params)))
    return Table({"params": params, "tokens": tokens, "loss": loss})


def amounts():
    amount = np.geomspace(1e6, 1e9, 9)
    wobble = np.resize([1.002, 0.998, 1.0], 9)
    return Table({"amount": amount, "loss": (2 + 90 * amount**-0.4) * wobble})


def pairs():
    told = np.linspace(2.6, 4.5, 12)
    wobble = np.resize([1.002, 0.997, 1.001], 12)
    return Table({"from_loss": told, "loss": (1.9 + 0.9 * (told - 2.0) ** 1.05) * wobble})


def settled(step: Column, schedule: Schedules, *, L: Positive, A: Positive, a: Exponent) -> Column:
    """Loss over the summed rate: a law of schedules as somebody may write it."""
    summed = np.array([one[: int(s)].sum() for s, one in zip(step, schedule, strict=True)])
    return L + A * summed**-a


def curves():
    """Two runs, one of a constant rate and one that decays."""
    flat = np.full(2000, 1e-3)
    rates = (flat, flat * np.linspace(1, 0.1, 2000))
    step = np.tile(np.arange(100.0, 2001.0, 100.0), 2)
    schedule = [one for one in rates for _ in range(20)]
    clean = settled(step, schedule, L=2.0, A=1.0, a=0.5)
    loss = clean * np.exp(0.002 * np.random.default_rng(1).standard_normal(40))
    names = np.array(["flat"] * 20 + ["falls"] * 20, object)
    columns = {"step": step, "schedule": tuple(schedule), "loss": loss, "schedule_name": names}
    return Table(columns)


def told_of(name, table, *, bootstrap=30, profiles=(), asked=None, compute=None, **more):
    """All that a page is made of."""
    chosen = law(name)
    settings = {"starts": 4, "bootstrap": bootstrap, "seed": 0, "by": (), "stretch": False}
    made = fit(chosen, table, **settings)
    held_out, why_not = None, ""
    try:
        held_out = roll_out(chosen, table, **settings)
    except BadInput as problem:
        why_not = str(problem)
    says = made.predict({k: np.array([v]) for k, v in asked.items()}) if asked else None
    return Told(
        fit=made,
        table=table,
        profiles=[profile(made, table, name=one, points=8) for one in profiles],
        held_out=held_out,
        why_not=why_not,
        asked=Asked(asked, says) if asked else None,
        plan=for_compute(made, flops=compute) if compute else None,
        settings=settings,
        **more,
    )


def pictures(told):
    """Its figures."""
    return pictures_of(
        told.fit,
        told.table,
        profiles=told.profiles,
        held_out=told.held_out,
        asked=told.asked,
    )
