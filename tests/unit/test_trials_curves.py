"""Runs that are judged along the way: when, by what, and without changing them."""

import numpy as np
import pytest

from likely.core.vocabulary import Vocabulary
from likely.data.packing import TrainingPlan
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials import _curves
from likely.train.trials._curves import along, nats, read
from likely.train.trials._fit import fit
from likely.train.trials._small import small
from tests.unit.tiny_texts import small_docstrings

RUN = {"steps": 5, "optimizer": Optimizer(lr=1e-2), "schedule": Schedule("constant"), "seed": 0}


@pytest.fixture
def texts(monkeypatch):
    monkeypatch.setattr(_curves, "docstrings", small_docstrings)
    read.cache_clear()
    yield read(0, 6, 16, 64, 600)
    read.cache_clear()


def test_a_run_is_judged_after_the_steps_that_were_asked_for(texts):
    plan = TrainingPlan(texts.train, length=16, rows=2, seed=0)
    plain, judged = (small(Vocabulary.of_bytes(), 8, 16, 0) for _ in range(2))
    found = along(judged, plan, lambda model: nats(model, texts.along), [1, 3, 5], **RUN)
    fit(plain, plan.batch, **RUN)
    assert len(found) == 3
    np.testing.assert_array_equal(found[-1], nats(plain, texts.along))
    fit(shorter := small(Vocabulary.of_bytes(), 8, 16, 0), plan.batch, **{**RUN, "steps": 3})
    np.testing.assert_array_equal(found[1], nats(shorter, texts.along))
    assert found[0].mean() > found[2].mean()


def test_seeds_share_what_is_read_along_and_in_the_end(texts):
    other = read(1, 6, 16, 64, 600)
    assert (other.along.ids == texts.along.ids).all()
    assert (other.end.ids == texts.end.ids).all()
    assert other.train.names != texts.train.names
