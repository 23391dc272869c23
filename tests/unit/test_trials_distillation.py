"""Distillation: what the trial measures, on small texts in place of the docstrings."""

import pytest

from likely.core.errors import BadSetting
from likely.train.trials import distillation as trial
from likely.train.trials.distillation import distillation
from tests.unit.tiny_texts import small_docstrings

TINY = {"steps": 2, "rows": 2, "length": 16, "documents": 3, "size": 270, "width": 16}
TINY |= {"teacher_width": 16, "teacher_steps": 2}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Invented prose: reading the standard library takes seconds."""
    trial._taught.cache_clear()
    monkeypatch.setattr(trial, "docstrings", small_docstrings)
    monkeypatch.setattr(trial, "_JUDGED", 2600)
    yield
    trial._taught.cache_clear()


def test_measures_are_those_documented_and_the_same_again():
    once = distillation(3, **TINY)
    names = {"held_out_accuracy", "held_out_nats", "teacher_accuracy"}
    assert set(once) == names | {"validation_accuracy", "validation_nats"}
    assert len(once["held_out_accuracy"]) == len(once["held_out_nats"]) == 3
    assert all(0 <= value <= 1 for value in once["held_out_accuracy"])
    assert distillation(3, **TINY) == once
    assert distillation(4, **TINY) != once


def test_arms_of_a_seed_share_a_teacher_and_differ_by_their_loss():
    losses = ("knowledge_distillation", "plackett_luce(k=8)", "cross_entropy")
    found = [distillation(3, **TINY, objectives=losses, which=n) for n in range(3)]
    assert len({one["teacher_accuracy"] for one in found}) == 1
    assert len({one["validation_nats"] for one in found}) == 3


def test_a_student_comes_nearer_to_its_teacher():
    much = {**TINY, "steps": 30, "teacher_steps": 60, "rate": 1e-2}
    before, after = (distillation(0, **{**much, "steps": n}) for n in (1, 30))
    assert after["validation_nats"] < before["validation_nats"] - 0.5


def test_settings_are_checked():
    with pytest.raises(BadSetting, match="steps"):
        distillation(0, steps=0)
    with pytest.raises(BadSetting, match="which=2 should be below 1"):
        distillation(0, which=2)
