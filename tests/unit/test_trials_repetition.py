"""Repetition: what the trial measures, on small texts in place of the docstrings."""

import pytest
import torch

from likely.core.errors import BadSetting
from likely.train.trials import repetition as trial
from likely.train.trials.repetition import repetition
from tests.unit.tiny_texts import small_docstrings

TINY = {"steps": 2, "rows": 2, "length": 16, "documents": 3, "size": 270, "width": 16}
TINY |= {"prompts": 3, "new_tokens": 12}
LISTS = {"rep_4", "sampled_rep_4", "rep_4_of_text", "type_token_ratio"}
NUMBERS = {"validation_bits_per_byte", "held_out_bits_per_byte", "held_out_accuracy"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Invented prose: reading the standard library takes seconds."""
    trial._texts.cache_clear()
    monkeypatch.setattr(trial, "docstrings", small_docstrings)
    monkeypatch.setattr(trial, "_JUDGED", 600)
    yield
    trial._texts.cache_clear()


def test_measures_are_those_documented_and_the_same_again():
    once = repetition(3, **TINY)
    assert set(once) == {*LISTS, *NUMBERS}
    for name in LISTS:
        assert len(once[name]) == 3
        assert all(0 <= value <= 1 for value in once[name])
    assert repetition(3, **TINY) == once
    assert repetition(4, **TINY) != once
    other = repetition(3, **TINY, objective="focal(gamma=1)")
    assert other["rep_4_of_text"] == once["rep_4_of_text"]
    assert other["held_out_bits_per_byte"] != once["held_out_bits_per_byte"]


def test_repetition_is_of_what_was_written(monkeypatch):
    rows = [[7] * 12, list(range(12)), [1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8]]
    monkeypatch.setattr(trial, "write", lambda *_, **__: torch.tensor(rows))
    found = repetition(1, **{**TINY, "steps": 1})
    assert found["rep_4"] == found["sampled_rep_4"] == pytest.approx([8 / 9, 0, 1 / 9])
    assert found["type_token_ratio"] == pytest.approx([1 / 12, 1, 8 / 12])


def test_settings_are_checked():
    with pytest.raises(BadSetting, match="steps"):
        repetition(0, steps=0)
