"""The small loop of trials against the loop of recipes, and batches that no recipe could make."""

from importlib import import_module

import numpy as np
import pytest
import torch

from likely.core.batch import Batch
from likely.core.errors import BadInput, BadSetting
from likely.core.vocabulary import Vocabulary
from likely.data.packing import TrainingPlan
from likely.models.feed_forward import feed_forward
from likely.models.ngram import ngram
from likely.train.errors import Diverged
from likely.train.loop import run
from likely.train.recipe import Optimizer, Recipe, Schedule
from likely.train.trials._fit import fit
from tests.unit.train_child import Forgetful, texts

SETTINGS = {
    "objective": "goldfish(k=3, context=2)",
    "optimizer": Optimizer("muon", lr=0.01),
    "schedule": Schedule(warmup=3),
}


def plan(seed=0):
    return TrainingPlan(texts(), length=16, rows=2, seed=seed).batch


def weights(reader):
    return torch.cat([p.detach().flatten() for p in reader.parameters()])


def test_a_step_is_that_of_a_recipe(tmp_path):
    recipe = Recipe(**SETTINGS, steps=8, length=16, rows=2, seed=5, log_every=1)
    theirs, mine = Forgetful(0.2), Forgetful(0.2)
    done = run(recipe, folder=tmp_path / "run", model=theirs, tokens=texts(), device="cpu")
    losses = fit(mine, plan(5), steps=8, seed=5, **SETTINGS)
    np.testing.assert_array_equal(losses, [row["loss"] for row in done.training])
    assert torch.equal(weights(mine), weights(theirs))
    assert not mine.training


def test_the_same_seed_is_the_same_run_and_nothing_outside_is_touched():
    before = torch.get_rng_state()
    runs = []
    for seed in (3, 3, 4):
        model = Forgetful(0.5)
        runs.append((fit(model, plan(), steps=4, seed=seed), weights(model)))
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(runs[0][0], runs[1][0])
    assert torch.equal(runs[0][1], runs[1][1])
    assert not torch.equal(runs[0][1], runs[2][1])


def test_an_objective_remembers(monkeypatch):
    module = import_module("likely.objectives.cross_entropy")
    seen = []

    def advance(state, total, weight, entropy):
        seen.append((state, float(total / weight), float(entropy)))
        return state + 1

    monkeypatch.setattr(module, "start", lambda: 0, raising=False)
    monkeypatch.setattr(module, "advance", advance, raising=False)
    losses = fit(Forgetful(0.0), plan(), steps=3)
    assert [state for state, _, _ in seen] == [0, 1, 2]
    assert [loss for _, loss, _ in seen] == pytest.approx(losses)
    batch = plan()(0)
    entropy = Forgetful(0.0).read(batch, {"entropy"})["entropy"].detach()
    mean = float((entropy * batch.weight).sum() / batch.weight.sum())
    assert seen[0][2] == pytest.approx(mean, rel=1e-5)


def test_targets_need_not_be_the_next_token():
    """The token before, at the places that count alone."""
    vocabulary = Vocabulary(tuple(b"%d" % i for i in range(6)), bos=0, eos=0)
    model = feed_forward(vocabulary, context=2, embedding=6, width=24)

    def batches(step):
        ids = torch.randint(6, (8, 8), generator=torch.Generator().manual_seed(step))
        batch = Batch.of(ids, ids.roll(1, dims=1))
        batch.weight.view(8, 8)[:, 0] = 0
        return batch

    losses = fit(model, batches, steps=80, optimizer=Optimizer(lr=0.03))
    assert losses[:5].mean() > 1.4
    assert losses[-5:].mean() < 0.1


def test_what_cannot_be_fitted():
    with pytest.raises(BadSetting, match="'ngram' has no gradients"):
        fit(ngram(texts(), texts(), order=2), plan(), steps=1)
    nothing = Batch.of(torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, 4, dtype=torch.int64))
    nothing.weight[:] = 0
    with pytest.raises(BadInput, match="Step 1: the weights"):
        fit(Forgetful(0.0), lambda step: nothing, steps=1)
    broken = Forgetful(0.0)
    with torch.no_grad():
        next(broken.parameters())[:] = float("nan")
    with pytest.raises(Diverged, match="at step 1"):
        fit(broken, plan(), steps=1)
