"""Answers of many lengths, a judge who likes long ones, and what is measured of them."""

import numpy as np
import pytest

from likely.core.errors import BadSetting
from likely.train.trials import length_bias as trial
from likely.train.trials.length_bias import length_bias

TINY = {"steps": 2, "pairs": 8, "pairs_a_step": 4, "teaching_steps": 2, "width": 16}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few texts, and short ones."""
    for name, value in {"_TAUGHT": 40, "_JUDGED": 6, "_LONGEST": 8}.items():
        monkeypatch.setattr(trial, name, value)
    trial._taught.cache_clear()
    yield
    trial._taught.cache_clear()


@pytest.fixture
def source():
    """After two letters comes their sum."""
    letters = np.arange(10)
    return trial._Source((letters[:, None] + letters) % 10)


def test_texts_follow_the_rule_but_for_slips(source):
    rng = np.random.default_rng(0)
    texts = source.texts(200, np.full(200, 40), rng)
    right = [source.right(text[:2], text[2:]) for text in texts]
    slips = trial._SLIP * 0.9  # a slip may hit the right letter
    assert np.mean(right) == pytest.approx(1 - slips, abs=0.02)
    assert {len(text) for text in texts} == {40}


def test_right_letters_are_counted_where_they_stand(source):
    assert source.right([9, 1, 2], [3, 5, 8]) == 1.0
    assert source.right([1, 2], [3, 0, 3, 0]) == 0.5
    assert source.right([1, 2], []) == 0.0


def test_lengths_are_letters_and_the_end_is_none(source):
    prompts, first = [[256, 98, 99]], ord("a")
    length, right = trial._told(source, prompts, [[first + 3, first + 5, 256]])
    assert (length.tolist(), right.tolist()) == ([2.0], [1.0])


@pytest.mark.parametrize(("bias", "care", "longer"), [(9.0, 0.0, True), (0.0, 99.0, False)])
def test_the_judge_likes_what_the_settings_say(source, bias, care, longer):
    prompts, first = [[256, 98, 99]] * 20, ord("a")
    wrong, good = [first] * 9, [first + 3, first + 5]
    rng = np.random.default_rng(0)
    chosen, rejected = trial._judged(source, prompts, ([wrong] * 20, [good] * 20), bias, care, rng)
    expected = (wrong, good) if longer else (good, wrong)
    assert (chosen[0], rejected[0]) == expected
    assert chosen == [expected[0]] * 20


def test_measures_are_those_documented_and_the_same_again():
    once = length_bias(3, **TINY)
    lists = {"length", "quality", "longer", "gain"}
    assert set(once) == {*lists, "tuning_quality"}
    assert all(len(once[name]) == 6 for name in lists)
    assert length_bias(3, **TINY) == once
    assert length_bias(4, **TINY) != once


def test_the_weight_of_lengths_alone_parts_the_arms():
    much = {**TINY, "steps": 12, "rate": 1e-2, "alphas": (0.0, 5.0)}
    dpo, charged = (length_bias(0, **much, which=n) for n in range(2))
    assert length_bias(0, **{**much, "alphas": (0.0,)}) == dpo
    assert dpo["length"] != charged["length"]


def test_settings_are_checked():
    with pytest.raises(BadSetting, match="bias"):
        length_bias(0, bias=-1.0)
    with pytest.raises(BadSetting, match="which=1 should be below 1"):
        length_bias(0, which=1)
