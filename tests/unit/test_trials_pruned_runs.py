"""Pruned runs: a planted law of mean sizes is seen by the mean alone; what is gone stays gone."""

import numpy as np
import pytest
import torch

from likely.core.errors import BadSetting
from likely.core.vocabulary import Vocabulary
from likely.forecast.pruning import average_of, pruned
from likely.train.trials import _curves
from likely.train.trials import pruned_runs as trial
from likely.train.trials._masks import Masks, linear_weights
from likely.train.trials._small import small
from likely.train.trials.pruned_runs import pruned_runs
from tests.unit.tiny_texts import small_docstrings


@pytest.fixture
def planted(monkeypatch):
    """Runs whose losses a law of mean sizes makes."""

    def run(seed, shared, width, sparsity):
        whole = 26.0 * width**2
        sizes = pruned(whole, sparsity=sparsity) if sparsity else np.full(10, whole)
        mean = average_of(sizes)
        counts = {"mean": mean, "last": float(sizes[-1]), "first": whole}
        return trial._Run(counts, 1e5, 1.1 + 30.0 * mean**-0.35)

    monkeypatch.setattr(trial, "_run", run)


def test_a_planted_law_of_means_is_seen_by_the_mean_alone(planted):
    mean, last, first = (pruned_runs(0, counted=one) for one in ("mean", "last", "first"))
    assert mean["error"] < 1e-4
    assert mean["together"] < 1e-4
    assert last["shift"] > 0.03
    assert first["shift"] < -0.03
    assert min(last["together"], first["together"]) > 0.01
    assert mean["dense_error"] == pytest.approx(first["dense_error"])


def test_masks_take_the_smallest_and_nothing_comes_back():
    weights = [torch.tensor([[3.0, -1.0], [0.5, -4.0]]), torch.tensor([[2.0, -0.1]])]
    masks = Masks(weights)
    masks.keep(6)
    assert weights[1].tolist() == [[2.0, pytest.approx(-0.1)]]
    masks.keep(4)
    assert [one.tolist() for one in weights] == [[[3.0, -1.0], [0.0, -4.0]], [[2.0, 0.0]]]
    weights[0] += 9.0  # a step moves what is gone, further than all that is left
    weights[1] += 9.0
    masks.keep(3)
    assert [int(one.count_nonzero()) for one in weights] == [2, 1]
    assert weights[0][1, 0] == 0.0
    assert weights[1][0, 1] == 0.0


def test_the_blocks_alone_are_pruned():
    model = small(Vocabulary.of_bytes(), 16, 8, 0)
    # Four square matrices of attention and three of the feed-forward layer, in each of two layers.
    assert Masks(linear_weights(model)).whole == 2 * (4 * 16**2 + 3 * 16 * 48)


def test_runs_of_real_models_end_with_as_many_weights_as_they_should(monkeypatch):
    for one in (_curves.read, trial._run):
        one.cache_clear()
    monkeypatch.setattr(_curves, "docstrings", small_docstrings)
    monkeypatch.setattr(trial, "_READ", 256)
    made = []

    def kept(*given):
        made.append(small(*given))
        return made[-1]

    monkeypatch.setattr(trial, "small", kept)
    shared = trial._Setting(0.25, 0.75, 12, 1e-2, 2, 16, 6)
    dense, sparse = (trial._run(0, shared, 8, one) for one in (0.0, 0.75))
    left = [sum(int(w.count_nonzero()) for w in linear_weights(model)) for model in made]
    whole = dense.sizes["first"]
    assert left == [whole, whole / 4]
    assert set(dense.sizes.values()) == {whole}
    assert sparse.sizes["last"] == whole / 4
    assert whole / 4 < sparse.sizes["mean"] < whole
    assert dense.tokens == sparse.tokens == 12 * 32
    assert dense.loss != sparse.loss
    for one in (_curves.read, trial._run):
        one.cache_clear()


def test_what_cannot_be_asked():
    with pytest.raises(BadSetting, match="four or more"):
        pruned_runs(0, widths=(16, 32, 48))
    with pytest.raises(BadSetting, match="should name one run"):
        pruned_runs(0, sparsities=())
    with pytest.raises(BadSetting, match="should be more than start"):
        pruned_runs(0, start=0.75, end=0.25)
