"""Digit answers: the distances that are measured of answers that are known."""

import numpy as np
import pytest
import torch

from likely.core.errors import BadSetting
from likely.train.trials import digit_answers as trial
from likely.train.trials._calculations import calculations
from likely.train.trials.digit_answers import digit_answers

TINY = {"problems": 16, "held_out": 8, "rows": 8, "width": 16, "steps": 2, "digits": 1}
NAMES = {"digit_error", "tuning_digit_error", "number_error", "exact", "log_prob"}


@pytest.fixture(autouse=True)
def forget():
    calculations.cache_clear()
    yield
    calculations.cache_clear()


def test_measures_are_those_documented_and_the_same_again():
    once = digit_answers(3, **TINY)
    assert set(once) == NAMES
    assert {len(values) for values in once.values()} == {4}
    assert digit_answers(3, **TINY) == once
    assert digit_answers(4, **TINY) != once
    assert digit_answers(3, **TINY, objective="focal(gamma=1)")["log_prob"] != once["log_prob"]


def test_distances_of_known_answers(monkeypatch):
    _, asked = calculations(5, 16, 8, "*", 1)
    given = asked.answer.clone()
    ten, one = (given[0] - ord("0")).tolist()
    given[0, 1] += 1 if one < 9 else -1
    given[2, 0] = ord("x")
    given[1] = torch.tensor([ord("0"), ord("0")])
    monkeypatch.setattr(trial, "write", lambda *_: given)
    found = digit_answers(5, **TINY)
    assert found["digit_error"] == [0.5, 4.5, 0, 0]
    assert found["exact"] == [0, 0, 1, 1]
    assert found["number_error"][0] == pytest.approx(0.01)
    right = [int(bytes(row.tolist())) for row in asked.answer[1::2]]
    assert found["tuning_digit_error"][0] == np.mean([right[0] // 10, right[0] % 10])
    assert 0 <= ten <= 8


def test_settings_are_checked():
    with pytest.raises(BadSetting, match="steps"):
        digit_answers(0, steps=0)
