"""95 % intervals of fits hold the truth: planted laws, simulated tables, counted."""

import numpy as np
import pytest
from scipy.stats import binom

from likely.core.catalogue import catalogue
from likely.forecast.fit import fit
from likely.forecast.law import law as law_of
from tests.contracts.law_cases import CASES, columns

PROMISED, FAMILY = 0.90, 1e-3
NOISE, ROWS = 0.005, 60
QUICK = ("annealing", "chinchilla", "power_law")
ALL = tuple(catalogue("forecast.laws"))
TABLES = {"multi_power": (60, 100)}
"""Tables and refits of laws whose refits take long; 200 and 500 for the others."""


def beyond(case, table):
    """One run at ten times the compute of the largest: sizes and data a little beyond."""
    if case.draw is not None:
        longest = max(table["schedule"], key=len)
        return {"step": np.array([float(len(longest))]), "schedule": [longest]}
    by = 10 ** (1 / len(case.columns))
    grown = {"from_loss": 0.95, "loss": 0.9}
    return {n: np.array([high * grown.get(n, by)]) for n, (_, high) in case.columns.items()}


def hits(name, tables, refits):
    """How often intervals held the truth: of the law beyond the table, a run, coefficients."""
    law, case = law_of(name), CASES[name]
    held = {k: case.values[k] for k in case.hold}
    counted = dict.fromkeys(("law", "run", *case.recovers), 0)
    for seed in range(tables):
        rng = np.random.default_rng([7, seed])
        table = columns(case, ROWS, rng)
        table[law.output] = law(table, **case.values) * np.exp(rng.normal(0, NOISE, ROWS))
        made = fit(name, table, hold=held, bootstrap=refits, stretch=False, seed=seed)
        asked = beyond(case, table)
        said, ends = made.predict(asked), made.intervals()
        truth = law(asked, **case.values)[0]
        run = truth * np.exp(rng.normal(0, NOISE))
        counted["law"] += int(said.low[0] <= truth <= said.high[0])
        counted["run"] += int(said.run_low[0] <= run <= said.run_high[0])
        for one in case.recovers:
            counted[one] += int(ends[one][0] <= case.values[one] <= ends[one][1])
    return counted


def questions(names):
    return sum(2 + len(CASES[name].recovers) for name in names)


def too_few(counted, tables, family):
    """Quantities whose interval holds the truth so seldom that it is no accident."""
    return {
        what: count / tables
        for what, count in counted.items()
        if binom.cdf(count, tables, PROMISED) < FAMILY / family
    }


@pytest.mark.parametrize("name", QUICK)
def test_intervals_hold_the_truth_in_forty_tables(name):
    counted = hits(name, 40, 100)
    assert not too_few(counted, 40, questions(QUICK)), counted


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_intervals_hold_the_truth(name):
    tables, refits = TABLES.get(name, (200, 500))
    counted = hits(name, tables, refits)
    print(name, {what: count / tables for what, count in counted.items()})  # noqa: T201
    assert not too_few(counted, tables, questions(ALL)), counted


def test_the_test_would_see_intervals_that_are_too_narrow():
    assert too_few({"law": 120}, 200, 60)
    assert not too_few({"law": 180}, 200, 60)
