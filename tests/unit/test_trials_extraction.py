"""Extraction: what the trial measures, on small texts in place of the docstrings."""

import pytest
import torch

from likely.core.batch import Batch
from likely.core.errors import BadSetting
from likely.core.stats import Stats
from likely.data import _docstrings
from likely.data.corpus import Corpus, Document
from likely.data.split import Split
from likely.data.tasks import planted_passages as task_module
from likely.train.trials import extraction as trial_module
from likely.train.trials.extraction import extraction

TINY = {"steps": 3, "passages": 2, "repeats": 2, "length": 24, "documents": 3}
TINY |= {"layers": 1, "width": 16, "rows": 2}
LISTS = ("exact", "bytes_share", "control_exact", "control_bytes_share")
NUMBERS = ("planted_bits_per_byte", "validation_bits_per_byte", "held_out_bits_per_byte")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Three parts of invented prose: reading the standard library takes seconds."""
    lines = "".join(f"The value number {i} is returned as it was given.\n" for i in range(200))
    parts = [Corpus(name, (Document(name, lines),)) for name in ("t", "v", "h")]
    split = Split(*parts, clusters={})
    trial_module._task.cache_clear()
    for module in (_docstrings, task_module, trial_module):
        monkeypatch.setattr(module, "docstrings", lambda: split)
    monkeypatch.setattr(trial_module, "_JUDGED", 600)
    yield
    trial_module._task.cache_clear()


def test_measures_are_those_documented_and_the_same_again():
    first = extraction(3, **TINY)
    assert set(first) == {*LISTS, *NUMBERS}
    for name in LISTS:
        assert len(first[name]) == 2
        assert all(0 <= value <= 1 for value in first[name])
    assert all(4 < first[name] < 12 for name in NUMBERS)
    assert extraction(3, **TINY) == first
    assert extraction(4, **TINY) != first


def test_a_model_that_reads_little_else_gives_back_what_was_planted_and_no_control():
    much = {**TINY, "passages": 1, "repeats": 60, "documents": 1, "steps": 70, "rate": 2e-2}
    found = extraction(0, **{**much, "width": 32})
    assert found["exact"] == found["bytes_share"] == [1.0]
    assert found["control_exact"] == [0.0]
    assert found["control_bytes_share"][0] < 0.5
    assert found["planted_bits_per_byte"] < 0.1 < found["held_out_bits_per_byte"]


def test_dropping_at_random_leaves_out_its_share_and_other_targets_each_time():
    batch = Batch.of(torch.zeros(4, 500, dtype=torch.long), torch.zeros(4, 500).long())
    choose = trial_module._dropping(0.25, seed=1)
    first, second = (choose(batch, Stats({}, "none", 0)) for _ in range(2))
    assert set(first.tolist()) == {0.0, 1.0}
    assert float(first.mean()) == pytest.approx(0.75, abs=0.04)
    assert (first != second).any()
    again = trial_module._dropping(0.25, seed=1)(batch, Stats({}, "none", 0))
    assert torch.equal(first, again)


def test_settings_are_checked():
    with pytest.raises(BadSetting, match=r"dropped_at_random=1\.0 should be .* less than 1\."):
        extraction(0, dropped_at_random=1.0)
