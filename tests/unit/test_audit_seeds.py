"""Statistics over seeds, against other ways to the same numbers and by simulation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from likely.audit.seeds import (
    holm,
    paired,
    power,
    seeds_needed,
    sign_flip,
    smallest_effect,
    summary,
)
from likely.audit.verdict import Question, judge, overall
from likely.core.errors import BadInput, ShapeError

differences = st.lists(st.floats(-5, 5).map(lambda x: round(x, 3)), min_size=2, max_size=10)


def test_documents_are_averaged_within_a_seed():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(6, 40)), rng.normal(size=(6, 40))
    found = paired(list(first), list(second))
    np.testing.assert_allclose(found, (first - second).mean(1))
    assert paired(list(first), [0.5] * 6) == pytest.approx(first.mean(1) - 0.5)
    with pytest.raises(ShapeError, match="6 seeds cannot be paired with 5"):
        paired(list(first), list(second[:5]))
    with pytest.raises(ShapeError, match=r"Seed 1: values of shape \[3\].*same documents"):
        paired([1.0, [1.0, 2.0, 3.0]], [1.0, [1.0, 2.0]])


@given(differences, st.floats(-2, 2))
def test_the_interval_and_the_t_test_are_those_of_scipy(values, margin):
    found = summary(values, margin=margin, confidence=0.9)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-12)
    if found.deviation == 0:
        assert found.low == found.high == found.mean
        assert found.p_t == found.p_sign
        return
    test = stats.ttest_1samp(values, margin)
    low, high = test.confidence_interval(0.9)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.p_t == pytest.approx(test.pvalue, abs=1e-12)
    beyond = found.low > margin or found.high < margin
    assert beyond == (found.p_t < 0.1) or found.p_t == pytest.approx(0.1)


@given(differences)
def test_the_sign_flip_test_counts_every_pattern(values):
    d = np.array(values)
    sums = np.array([abs(np.dot(signs, d)) for signs in product((-1, 1), repeat=len(d))])
    assert sign_flip(values) == np.mean(sums >= abs(d.sum()) - 1e-9 * max(abs(d).sum(), 1e-300))


def test_the_sign_flip_test_is_that_of_scipy():
    d = np.random.default_rng(3).normal(0.4, size=9)
    same = stats.permutation_test(
        (d, np.zeros(9)), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=1e4
    )
    assert sign_flip(d) == pytest.approx(same.pvalue)
    assert sign_flip(np.full(40, 0.1)) == 2.0**-39


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_rejects_as_its_steps_do(p_values):
    adjusted = holm(p_values)
    for level in (0.01, 0.05, 0.3):
        rejected, left = set(), len(p_values)
        for place in np.argsort(p_values, kind="stable"):
            if p_values[place] * left > level:
                break
            rejected.add(int(place))
            left -= 1
        assert rejected == {i for i, p in enumerate(adjusted) if p <= level}


@pytest.mark.parametrize("seeds", [5, 6, 12])
def test_power_is_what_simulation_finds(seeds):
    effect = smallest_effect(2.0, seeds)
    assert power(effect, 2.0, seeds) == pytest.approx(0.8, abs=1e-6)
    rng = np.random.default_rng(seeds)
    drawn = rng.normal(effect, 2.0, size=(20_000, seeds))
    assert np.mean(stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05) == pytest.approx(
        0.8, abs=0.01
    )
    more = seeds_needed(2.0, effect / 2)
    assert power(effect / 2, 2.0, more) >= 0.8 > power(effect / 2, 2.0, more - 1)


def coverage(draw, interval, seeds, tries=4000):
    """Share of tries in which an interval over seeds holds the true mean, 0."""
    rng = np.random.default_rng(seeds)
    inside = 0
    for _ in range(tries):
        low, high = interval(draw(rng, seeds), rng)
        inside += low <= 0 <= high
    return inside / tries


def student(values, _):
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def ours(values, _):
    found = summary(values)
    return found.low, found.high


def percentiles(values, rng):
    drawn = values[rng.integers(len(values), size=(400, len(values)))].mean(1)
    return np.quantile(drawn, [0.025, 0.975])


def normal(rng, seeds):
    return rng.normal(size=seeds)


def test_our_interval_covers_what_it_says():
    """`summary` itself, on few seeds."""
    found = coverage(normal, ours, 6, 1000)
    assert found == pytest.approx(0.95, abs=0.02)
    for seeds in (3, 5, 6, 10):
        assert coverage(normal, student, seeds) == pytest.approx(0.95, abs=0.012)


def test_a_percentile_bootstrap_over_few_seeds_does_not():
    """Why it is not used: at nominal 95 % over three seeds it holds 3 truths in 4."""
    assert coverage(normal, percentiles, 3, 2000) == pytest.approx(0.75, abs=0.03)
    assert coverage(normal, percentiles, 6, 2000) < 0.90


@pytest.mark.parametrize(
    ("draw", "least"),
    [
        (lambda rng, seeds: rng.uniform(-1, 1, seeds), 0.93),
        (lambda rng, seeds: rng.exponential(size=seeds) - 1, 0.87),
        (lambda rng, seeds: rng.standard_t(3, size=seeds), 0.94),
    ],
    ids=["flat", "skewed", "heavy tails"],
)
def test_how_far_the_interval_stands_other_shapes(draw, least):
    assert coverage(draw, student, 6) > least


def question(values, side="above", margin=0.0):
    return Question("says", tuple(float(v) for v in values), side, margin)


def test_wrong_claims_rarely_hold_and_true_ones_rarely_fail():
    """At the edge of every margin: 3 conditions of one claim, 6 seeds."""
    rng, tries = np.random.default_rng(1), 600
    held = failed = 0
    for _ in range(tries):
        drawn = rng.normal(0.5, 1.0, size=(3, 6))
        answers = judge([question(row, margin=0.5) for row in drawn])
        found = overall([answer.outcome for answer in answers])
        held += found == "held"
        failed += found == "failed"
    assert held / tries < 0.01
    assert failed / tries < 0.05


GOOD = [0.31, 0.27, 0.36, 0.22, 0.30, 0.29]


@pytest.mark.parametrize(
    ("asked", "outcome", "reason"),
    [
        (question(GOOD), "held", "whole interval lies beyond"),
        (question(np.negative(GOOD), "below", 0.2), "held", "beyond"),
        (question(GOOD, "below"), "failed", "other side"),
        (question(GOOD, "above", 0.28), "undecided", "18 seeds would find 0.033, half"),
        (question(GOOD, "above", -0.1), "held", "beyond"),
        (question(GOOD[:4]), "no verdict", "4 seeds are too few"),
        (question(GOOD[:1]), "no verdict", "1 seeds are too few"),
        (question([1.0] * 6, "above", 0.5), "held", "beyond"),
        (question([0.0] * 6, "above", 0.5), "failed", "other side"),
        (question([1.0] * 5, "above", 0.5), "undecided", "sign-flip"),
        (question([0.5] * 6, "above", 0.5), "undecided", "sign-flip"),
    ],
)  # fmt: skip
def test_one_question(asked, outcome, reason):
    (answer,) = judge([asked])
    assert answer.outcome == outcome
    assert reason in answer.reason


def test_failing_is_said_at_the_adjusted_level():
    close = stats.t.ppf(0.98, 5)  # p = 0.04 by itself
    values = np.array([-2.0, 2.0, -1.0, 1.0, 0.0, 0.0])
    values = values / values.std(ddof=1) - close / np.sqrt(6)
    alone = judge([question(values)])
    among = judge([question(values), question([-1e-3, 1e-3] * 3)])
    assert alone[0].outcome == "failed"
    assert among[0].outcome == "undecided"
    assert among[0].p_adjusted == pytest.approx(0.08)


@pytest.mark.parametrize(
    ("outcomes", "whole"),
    [
        (["held", "held"], "held"),
        (["held", "undecided", "failed"], "failed"),
        (["held", "undecided"], "undecided"),
        (["failed", "no verdict"], "no verdict"),
        ([], "no verdict"),
    ],
)
def test_all_must_hold_and_one_that_fails_is_enough(outcomes, whole):
    assert overall(outcomes) == whole


@pytest.mark.parametrize("values", [[1.0], [1.0, float("nan")], [0.0] * 45])
def test_what_is_no_sample_is_refused(values):
    with pytest.raises(BadInput, match="2 to 44 finite differences"):
        summary(values)
