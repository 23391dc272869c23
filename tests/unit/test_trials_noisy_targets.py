"""Noisy targets: how many are wrong, what stays right, and what is measured."""

import pytest
import torch

from likely.core.errors import BadSetting
from likely.data.packing import TrainingPlan
from likely.train.trials import noisy_targets as trial
from likely.train.trials.noisy_targets import noisy_targets

TINY = {"before": 2, "steps": 2, "rows": 2, "width": 16}
FOCAL = ("cross_entropy", "focal(gamma=1)")


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    monkeypatch.setattr(trial, "_JUDGED", 4)
    for one in (trial._judged, trial._texts):
        one.cache_clear()
    yield
    for one in (trial._judged, trial._texts):
        one.cache_clear()


def test_measures_are_those_documented_and_the_same_again():
    once = noisy_targets(3, **TINY)
    assert set(once) == {"held_out_nats", "accuracy", "validation_nats", "entropy_rate"}
    assert len(once["held_out_nats"]) == 4
    trial._judged.cache_clear()
    assert noisy_targets(3, **TINY) == once
    assert noisy_targets(3, **TINY, objectives=FOCAL) == once
    assert noisy_targets(3, **TINY, objectives=FOCAL, which=1) != once
    assert noisy_targets(3, **TINY, noise=0.5) != once
    assert noisy_targets(4, **TINY) != once


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.5])
def test_a_share_of_the_targets_is_wrong_and_what_is_read_is_right(noise):
    texts = trial._texts(1, 40, 0.01)
    plan = TrainingPlan(texts.train, length=128, rows=32, seed=1)
    noisy = trial._wrong_at(plan.batch, noise, seed=1)
    clean, dirty, again = plan.batch(0), noisy(0), noisy(0)
    assert torch.equal(clean.ids, dirty.ids)
    assert torch.equal(dirty.target, again.target)
    changed = (clean.target != dirty.target)[clean.weight > 0].double().mean()
    assert float(changed) == pytest.approx(noise * 25 / 26, abs=0.03)
    assert set(dirty.target[clean.target != dirty.target].tolist()) <= set(range(97, 123))
    if noise:
        assert not torch.equal(noisy(1).target, noisy(0).target)


def test_without_noise_a_longer_training_nears_the_entropy_rate():
    sizes = {"rows": 4, "rate": 2e-2, "noise": 0.0, "before": 2}
    short, long = (noisy_targets(1, **sizes, steps=steps) for steps in (2, 20))
    assert long["entropy_rate"] < long["validation_nats"] < short["validation_nats"] - 0.2


def test_settings_are_checked():
    with pytest.raises(BadSetting, match="which=1 should be below 1"):
        noisy_targets(0, which=1)
