"""Attempts: what is measured of sampled answers, and that training to the end is seen in them."""

import numpy as np
import pytest

from likely.core.errors import BadSetting
from likely.train.trials._calculations import calculations
from likely.train.trials.attempts import attempts

TINY = {"problems": 16, "held_out": 6, "rows": 8, "width": 16, "passes_over": 2, "digits": 1}
LISTS = {"pass_1", "pass_4", "pass_16", "pass_64", "exact_pass_16", "greedy"}


@pytest.fixture(autouse=True)
def forget():
    calculations.cache_clear()
    yield
    calculations.cache_clear()


def test_measures_are_those_documented_and_the_same_again():
    once = attempts(3, **TINY)
    assert set(once) == {*LISTS, "log_prob", "train_log_prob"}
    assert {len(once[name]) for name in LISTS} == {6}
    assert attempts(3, **TINY) == once
    assert attempts(4, **TINY) != once
    assert attempts(3, **TINY, objective="focal(gamma=1)") != once


def test_more_attempts_are_right_more_often_and_agree_with_the_exact_chance():
    found = attempts(2, **{**TINY, "held_out": 40, "passes_over": 12, "operation": "+"})
    means = [np.mean(found[f"pass_{k}"]) for k in (1, 4, 16, 64)]
    assert means == sorted(means)
    assert 0 < means[0] < means[-1]
    assert means[2] == pytest.approx(np.mean(found["exact_pass_16"]), abs=0.06)


def test_longer_training_fits_what_it_reads():
    short, long = (
        attempts(1, **{**TINY, "passes_over": n, "rate": 2e-2})["train_log_prob"] for n in (2, 15)
    )
    assert short + 1 < long < 0


def test_settings_are_checked():
    with pytest.raises(BadSetting, match="problems"):
        attempts(0, problems=0)
