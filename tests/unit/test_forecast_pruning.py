"""Mean sizes of pruned models, against those that are published with such models."""

import numpy as np
import pytest

from likely.core.errors import BadInput, BadSetting
from likely.forecast.pruning import average_of, pruned


@pytest.mark.parametrize(
    ("sparsity", "density"), [(0.2, 0.8919), (0.4, 0.7651), (0.6, 0.69 / 1.14), (0.8, 0.45 / 1.14)]
)
def test_the_mean_of_a_pruned_model_is_that_of_the_published_ones(sparsity, density):
    """Mean densities on the cards of sparsellm-1b-20p to -80p; the last two are rounded there."""
    sizes = pruned(1.0, sparsity=sparsity, steps=10_000)
    assert average_of(sizes) == pytest.approx(density, rel=0.0015 if sparsity < 0.5 else 0.012)
    assert (np.diff(sizes) <= 0).all()


def test_pruning_begins_and_ends_at_its_shares_of_compute():
    """The card of sparsellm-1b-40p: of 13,050 steps, pruning from 2,500 to 8,875."""
    sizes = pruned(1.0, sparsity=0.4, steps=13_050)
    spent = np.cumsum(sizes) / sizes.sum()
    begins, ends = int(np.argmax(sizes < 1)), int(np.argmax(sizes <= 0.6 + 1e-12))
    assert (spent[begins], spent[ends]) == pytest.approx((0.25, 0.75), abs=1e-3)
    assert (begins, ends) == pytest.approx((2500, 8875), rel=0.002)
    assert average_of(pruned(7e8, sparsity=0.0)) == pytest.approx(7e8)


def test_schedules_that_cannot_be_are_refused():
    with pytest.raises(BadSetting, match=r"end=0\.2 should be more than start=0\.5"):
        pruned(1e9, sparsity=0.5, start=0.5, end=0.2)
    with pytest.raises(BadSetting, match=r"sparsity=1\.5 should be at least 0 and less than 1"):
        pruned(1e9, sparsity=1.5)
    with pytest.raises(BadInput, match="here are 2 and 1"):
        average_of(np.array([1e9, 1e8]), np.array([1.0]))
    with pytest.raises(BadInput, match=r"stretch 1 has -1\.0 parameters"):
        average_of(np.array([1e9, -1.0]))
