"""Ends or checkpoints: a planted law is found from either, and rows are what they are called."""

import numpy as np
import pytest

from likely.core.errors import BadSetting
from likely.forecast.laws.chinchilla import chinchilla
from likely.train.trials import _curves
from likely.train.trials import checkpoint_fits as trial
from likely.train.trials.checkpoint_fits import checkpoint_fits
from tests.unit.tiny_texts import small_docstrings

SMALL = {"widths": (8, 16, 32), "budgets": (100, 200, 400)}
PLANTED = {"E": 1.2, "A": 30.0, "B": 400.0, "alpha": 0.45, "beta": 0.5}


@pytest.fixture
def planted(monkeypatch):
    """Runs that the law makes, bent by their schedule before their ends."""

    def run(seed, shared, width, steps):
        marks = np.arange(1, 11) * steps / 10
        rows = np.ones(10)
        table = {"params": rows * width**2, "step": marks, "tokens": marks * 512}
        loss = chinchilla(table["params"], table["tokens"], **PLANTED)
        bent = 0.05 * (1 - marks / steps) if shared.schedule == "cosine" else 0.0
        name = np.array([f"{width}x{steps}"] * 10, object)
        return {"run": name, **table, "loss": loss * (1 + bent) * (1 + 0.01 * (seed >= 500))}

    monkeypatch.setattr(trial, "_run", run)


def test_a_planted_law_is_found_from_ends_and_from_checkpoints(planted):
    for rows_of in ("ends", "checkpoints"):
        found = checkpoint_fits(0, rows_of=rows_of, schedule="constant", **SMALL)
        assert found["error"] < 1e-3, rows_of
        assert found["predicted"] == pytest.approx(found["target"], rel=1e-3)
    assert found["seed_floor"] == pytest.approx(0.01 / 1.005, rel=1e-6)


def test_ends_do_not_see_what_a_schedule_does_before(planted):
    ends, all_rows = (checkpoint_fits(0, rows_of=one, **SMALL) for one in ("ends", "checkpoints"))
    assert ends["error"] < 1e-3
    late = checkpoint_fits(0, rows_of="checkpoints", skip=0.95, **SMALL)
    assert late["predicted"] == ends["predicted"]
    assert all_rows["fit_error"] > 10 * max(ends["fit_error"], 1e-4)


def test_runs_have_rows_of_real_models(monkeypatch):
    for one in (_curves.read, trial._run):
        one.cache_clear()
    monkeypatch.setattr(_curves, "docstrings", small_docstrings)
    monkeypatch.setattr(trial, "_ALONG", 256)
    shared = trial._Setting("cosine", 1e-2, 2, 16, 6, 4)
    run = trial._run(0, shared, 8, 8)
    assert run["step"].tolist() == [2, 4, 6, 8]
    assert run["tokens"].tolist() == [64, 128, 192, 256]
    assert len(set(run["params"])) == 1
    assert run["loss"][-1] < run["loss"][0]
    for one in (_curves.read, trial._run):
        one.cache_clear()


def test_what_cannot_be_asked():
    with pytest.raises(BadSetting, match="is fitted too"):
        checkpoint_fits(0, widths=(8, 64), budgets=(100, 400))
    with pytest.raises(BadSetting, match="should not exceed the steps"):
        checkpoint_fits(0, budgets=(10,))
