"""Rows picked from a pool: which ones, what that costs, and what is measured."""

import pytest
import torch

from likely.core.batch import Batch
from likely.core.errors import BadSetting
from likely.data.corpus import Corpus, Document
from likely.data.packing import TrainingPlan
from likely.data.tokens import encode
from likely.train.trials import batch_selection as trial
from likely.train.trials.batch_selection import batch_selection, rows_of
from tests.unit.tiny_texts import PROSE, small_docstrings

TINY = {"budget": 6, "rows": 2, "length": 16, "documents": 10, "width": 16, "apart_steps": 2}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Invented prose: reading the standard library takes seconds."""
    for kept in (trial._texts, trial._apart):
        kept.cache_clear()
    monkeypatch.setattr(trial, "docstrings", small_docstrings)
    monkeypatch.setattr(trial, "_JUDGED", 600)
    monkeypatch.setattr(trial, "_APART_WIDTH", 8)
    yield
    for kept in (trial._texts, trial._apart):
        kept.cache_clear()


@pytest.fixture
def pool():
    documents = tuple(Document(str(i), PROSE[40 * i : 40 * i + 10 + 7 * i]) for i in range(12))
    tokens = encode(Corpus("c", documents), trial.Vocabulary.of_bytes())
    return TrainingPlan(tokens, length=16, rows=6, seed=0).batch(0)


def test_chosen_rows_are_read_as_before(pool):
    reader = trial.small(trial.Vocabulary.of_bytes(), 16, 16, 0)
    some = rows_of(pool, torch.tensor([4, 1]))
    assert some.rows == 2
    assert some.segments == len(set(some.segment.tolist()) - {-1})
    whole, part = (reader.read(one, ("log_prob",))["log_prob"] for one in (pool, some))
    expected = whole.view(6, -1)[[1, 4]].flatten()
    counts = some.weight > 0
    torch.testing.assert_close(part[counts], expected[counts])


def test_padding_stays_padding():
    batch = Batch.of(torch.arange(6).view(3, 2), torch.arange(6).view(3, 2))
    padded = trial.replace(
        batch,
        segment=torch.tensor([0, -1, 1, -1, 2, 2]),
        weight=torch.tensor([1.0, 0, 1, 0, 1, 1]),
    )
    assert rows_of(padded, torch.tensor([2, 1])).segment.tolist() == [0, -1, 1, 1]
    assert rows_of(padded, torch.tensor([2])).segment.tolist() == [0, 0]


def test_rho_takes_the_largest_excess_and_backprop_favours_the_largest_loss(monkeypatch, pool):
    own, apart = (trial.small(trial.Vocabulary.of_bytes(), 8, 16, seed) for seed in (0, 1))
    losses = {own: torch.arange(6.0), apart: torch.tensor([0.0, 0, 0, 3, 4, 5])}
    monkeypatch.setattr(trial, "_row_loss", lambda reader, batch: losses[reader])
    rho = trial._selected(lambda step: pool, "rho", own, apart, 3, 0)(0)
    torch.testing.assert_close(rho.ids.view(2, -1), pool.ids.view(6, -1)[[1, 2]])
    counts = torch.zeros(6)
    for step in range(600):
        picked = trial._selected(lambda step: pool, "selective_backprop", own, None, 3, 0)(step)
        rows = [(pool.ids.view(6, -1) == row).all(1) for row in picked.ids.view(2, -1)]
        counts += torch.stack(rows).sum(0)
    first = torch.tensor([1.0, 4, 9, 16, 25, 36]) / 91  # odds of the first of two draws
    expected = first + sum(
        first[i] * first / (1 - first[i]) * (torch.arange(6) != i) for i in range(6)
    )
    torch.testing.assert_close(counts / 600, expected, atol=0.06, rtol=0)


def test_selection_pays_for_what_it_reads():
    steps = {
        select: batch_selection(0, **{**TINY, "budget": 12}, select=select, pools=(pool,))["steps"]
        for select, pool in (("none", 1), ("selective_backprop", 3), ("rho", 3))
    }
    assert steps["none"] == 12
    assert steps["selective_backprop"] == 6  # 1 + 3 / 3 plain steps a step
    assert steps["rho"] < 6
    free = batch_selection(0, **TINY, select="rho", pools=(3,), charged=False)
    assert free["steps"] == 6


def test_measures_are_those_documented_and_the_same_again():
    once = batch_selection(3, **TINY, select="rho", pools=(2,))
    assert set(once) == {"held_out_nats", "validation_nats", "steps"}
    assert batch_selection(3, **TINY, select="rho", pools=(2,)) == once
    assert batch_selection(4, **TINY, select="rho", pools=(2,)) != once


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"budget": 0}, "budget"),
        ({"which": 1}, "which=1 should be below 1"),
        ({"pools": (2,)}, "should all be 1 where nothing is selected"),
        ({"select": "rho"}, "else above 1"),
        ({"select": "rho", "pools": (2,), "budget": 1}, "used up before the first step"),
    ],
)
def test_settings_are_checked(settings, said):
    with pytest.raises(BadSetting, match=said):
        batch_selection(0, **{**TINY, **settings})
