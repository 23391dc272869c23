"""Curves by schedule: planted laws are found again, runs are what they are called."""

import numpy as np
import pytest

from likely.audit.likelihood import Likelihood
from likely.core.errors import BadSetting
from likely.forecast import schedules
from likely.forecast.law import law as law_of
from likely.train.recipe import Schedule
from likely.train.schedule import learning_rate
from likely.train.trials import _curves
from likely.train.trials import schedule_curves as trial
from likely.train.trials.schedule_curves import schedule_curves
from tests.unit.tiny_texts import small_docstrings

TINY = {"steps": 10, "every": 2, "rows": 2, "length": 16, "documents": 6, "width": 8}
PLANTED = {
    "annealing(decay=0.98)": {"L0": 1.6, "A": 0.9, "alpha": 0.5, "C": 0.3},
    "multi_power": {
        "L0": 1.6, "A": 0.9, "alpha": 0.5, "B": 12.0, "C": 0.6, "beta": 0.5, "gamma": 0.5,
    },
}  # fmt: skip


@pytest.fixture
def real(monkeypatch):
    """Invented prose: reading the standard library takes seconds."""
    kept = (_curves.read, trial._curve)
    for one in kept:
        one.cache_clear()
    monkeypatch.setattr(_curves, "docstrings", small_docstrings)
    monkeypatch.setattr(trial, "_ALONG", 256)
    monkeypatch.setattr(trial, "_END", 600)
    yield
    for one in kept:
        one.cache_clear()


@pytest.fixture
def made(monkeypatch):
    """Curves that a law makes in place of a model; which law, and every schedule that ran."""
    asked = {"law": "annealing(decay=0.98)", "schedules": []}

    def curve(run, schedule):
        asked["schedules"].append(schedule)
        rates = [run.peak * learning_rate(schedule, t, run.steps) for t in range(run.steps)]
        step = np.arange(run.steps // 10, run.steps + 1, run.every, dtype=np.float64)
        table = {"step": step, "schedule": [np.array(rates)] * len(step)}
        loss = law_of(asked["law"])(table, **PLANTED[asked["law"]])
        sizes = np.array([100.0])
        end = Likelihood(loss[-1:] * sizes, sizes, sizes, sizes, ("docstrings",))
        return trial._Curve(np.array(rates), step, loss, end)

    monkeypatch.setattr(trial, "_curve", curve)
    return asked


def test_a_planted_law_of_annealing_is_found_and_its_second_term_is_needed(made):
    full = schedule_curves(0, law="annealing")
    assert full["error"] < 1e-4
    assert full["largest_error"] >= full["error"]
    assert schedule_curves(0, law="power")["error"] > 20 * full["error"]


def test_a_planted_multi_power_law_predicts_what_it_did_not_see(made):
    made["law"] = "multi_power"
    found = schedule_curves(0, law="multi_power", fitted=("constant", "cosine", "two_stage"))
    assert found["error"] < 1e-3
    assert found["last_error"] < 2e-3


def test_the_optimum_of_the_fitted_law_is_what_is_trained(made):
    made["law"] = "multi_power"
    given = {"law": "multi_power", "fitted": ("constant", "cosine", "two_stage")}
    best = schedule_curves(0, **given, schedule="optimised")
    trained = made["schedules"][-1]
    assert trained.name == "piecewise"
    assert trained.knots[-1][1] < 0.5
    assert (
        best["validation_nats"]
        < schedule_curves(0, law="none", schedule="cosine")["validation_nats"]
    )


def test_only_what_comes_after_the_branch_is_scored(made):
    given = dict(seed=0, peak=1e-2, steps=100, rows=1, length=8, documents=1, width=8, every=1)
    run = trial._Run(**given)
    constant, wsd = (trial._curve(run, trial._named(name)) for name in ("constant", "wsd"))
    fit = trial._fitted("annealing", 0.98, [constant])
    wrong = trial._Curve(wsd.rates, wsd.step, np.where(wsd.step < 60, 9.0, wsd.loss), wsd.end)
    assert trial._errors(fit, wrong, [constant]) == trial._errors(fit, wsd, [constant])


def test_schedules_are_those_that_laws_know():
    for name, rates in {
        "constant": schedules.constant(steps=40, warmup=0.05),
        "cosine": schedules.cosine(steps=40, warmup=0.05, floor=0.0),
        "linear": schedules.linear(steps=40, warmup=0.05, floor=0.0),
        "wsd": schedules.wsd(steps=40, warmup=0.05, floor=0.0, decay_share=0.4),
    }.items():
        mine = [learning_rate(trial._named(name), step, 40) for step in range(40)]
        np.testing.assert_allclose(mine, rates, atol=1e-12, err_msg=name)
    two = [learning_rate(trial._named("two_stage"), step, 100) for step in (51, 53, 99)]
    assert two == pytest.approx([1.0, 0.3, 0.3])


def test_runs_share_what_their_schedules_share(real):
    found = schedule_curves(0, law="none", schedule="wsd", **TINY)
    run = trial._Run(0, 8e-3, **TINY)
    wsd, constant = (trial._curve(run, trial._named(name)) for name in ("wsd", "constant"))
    shared = wsd.step <= 6
    np.testing.assert_array_equal(wsd.loss[shared], constant.loss[shared])
    assert wsd.loss[-1] != constant.loss[-1]
    assert set(found) == {"held_out_nats", "validation_nats"}
    assert found["validation_nats"] == wsd.loss[-1]
    assert schedule_curves(0, **TINY).keys() > {"error", "largest_error", "last_error"}


def test_what_cannot_be_asked():
    with pytest.raises(BadSetting, match="among those that the law is fitted to"):
        schedule_curves(0, schedule="cosine")
    with pytest.raises(BadSetting, match="no optimum to train by"):
        schedule_curves(0, law="annealing", schedule="optimised")
    assert Schedule(**vars(trial._named("cosine"))).floor == 0
