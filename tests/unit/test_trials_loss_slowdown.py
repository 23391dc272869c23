"""The bend of a curve, and what cancels on either side of it, in losses that were made up."""

import numpy as np
import pytest

from likely.core.errors import BadSetting
from likely.train.trials import _curves
from likely.train.trials import loss_slowdown as trial
from likely.train.trials.loss_slowdown import loss_slowdown
from tests.unit.tiny_texts import small_docstrings


def planted(step, bend, tokens=200):
    """The mean falls fast up to the bend; after it tokens fall and rise by turns around it."""
    mean = 6.0 * np.where(step < bend, step**-0.3, bend**-0.3 * (step / bend) ** -0.05)
    late = np.maximum(np.log(step / bend), 0.0)
    sign = np.where(np.arange(tokens) % 2, 1.0, -1.0)
    return mean[:, None] + 0.4 * late[:, None] * sign


@pytest.fixture
def made(monkeypatch):
    monkeypatch.setattr(
        trial, "_losses", lambda seed, marks, *run: planted(np.array(marks, float), 120.0)
    )


def test_a_planted_bend_is_found_and_interference_rises_there(made):
    found = loss_slowdown(0, warmup=5)
    assert found["bend_step"] == pytest.approx(120, rel=0.15)
    assert found["rate_before"] == pytest.approx(0.3, abs=0.01)
    assert found["rate_after"] == pytest.approx(0.05, abs=0.01)
    assert found["line_error"] > 5 * found["fit_error"]
    assert found["inside"] == 1
    assert found["interference_before"] == pytest.approx(0, abs=1e-9)
    assert 0 < found["interference_at"] < found["interference_after"]
    assert found["rise_step"] == pytest.approx(120 * np.sqrt(1.5), rel=0.4)
    assert found["rise_from_bend"] == pytest.approx(
        abs(np.log(found["rise_step"] / found["bend_step"]))
    )
    assert found["magnitude_after"] < found["magnitude_before"]


def test_a_bend_at_the_edge_leaves_thirds(monkeypatch):
    monkeypatch.setattr(
        trial, "_losses", lambda seed, marks, *run: planted(np.array(marks, float), 1e5)
    )
    monkeypatch.setattr(trial, "deceleration_point", lambda values: (1e5, 1.0, 0.3))
    found = loss_slowdown(0)
    assert found["inside"] == 0
    assert found["interference_after"] == pytest.approx(0, abs=1e-9)


def test_a_real_run(monkeypatch):
    for one in (_curves.read, trial._losses):
        one.cache_clear()
    monkeypatch.setattr(_curves, "docstrings", small_docstrings)
    monkeypatch.setattr(trial, "_ALONG", 256)
    tiny = {"warmup": 1, "steps": 32, "rows": 2, "length": 16, "documents": 6, "width": 8}
    found = loss_slowdown(0, **tiny)
    assert found["rate_before"] > 0 or found["rate_after"] > 0
    assert 0 <= found["interference_before"] <= 1
    for one in (_curves.read, trial._losses):
        one.cache_clear()


def test_a_run_too_short_is_refused():
    with pytest.raises(BadSetting, match="sixteen times the warm-up"):
        loss_slowdown(0, warmup=10, steps=100)
