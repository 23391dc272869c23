"""Pairs of losses: a run on the reference's curve is told from one beside it."""

import numpy as np
import pytest

from likely.data.corpus import Corpus
from likely.data.split import Split
from likely.forecast.laws.loss_to_loss import loss_to_loss
from likely.train.trials import loss_pairs as trial
from likely.train.trials.loss_pairs import loss_pairs
from tests.unit.tiny_texts import small_docstrings

CURVE = {"E0": 1.0, "E1": 0.8, "K": 1.2, "kappa": 0.9}
TINY = {"steps": 30, "rows": 2, "length": 16, "documents": 6, "width": 8, "other_width": 16}


def test_what_lies_on_the_curve_and_what_lies_beside_it(monkeypatch):
    def pairs(seed, width, text, size, *run):
        first = np.linspace(3.2, 1.6 if width == 32 else 1.2, 24)
        second = loss_to_loss(first, **CURVE) * (1 + 0.1 * (text == "code") - 0.05 * (size > 0))
        return np.stack([first, second], axis=1)

    monkeypatch.setattr(trial, "_pairs", pairs)
    found = {one: loss_pairs(0, changed=one) for one in ("seed", "width", "tokenizer", "data")}
    assert found["seed"]["error"] < 1e-3
    assert found["width"]["error"] < 1e-3
    assert found["width"]["pairs"] < 24
    assert found["data"]["shift"] == pytest.approx(1 / 1.1 - 1, abs=1e-3)
    assert found["tokenizer"]["shift"] == pytest.approx(1 / 0.95 - 1, abs=1e-3)


def test_real_runs_give_a_pair_a_checkpoint(monkeypatch):
    trial._pairs.cache_clear()
    parts = small_docstrings()
    upper = [Corpus(n, tuple(d for d in getattr(parts, n))) for n in ("train", "validation")]
    code = Split(*upper, parts.held_out, clusters={})
    monkeypatch.setattr(trial, "_parts", lambda: {"docstrings": parts, "code": code})
    monkeypatch.setattr(trial, "_ALONG", 256)
    run = (1e-2, 30, 2, 16, 6, 8)
    as_bytes = trial._pairs(0, 8, "docstrings", 0, *run)
    assert as_bytes.shape[1] == 2
    np.testing.assert_array_equal(as_bytes[:, 0], as_bytes[:, 1])
    assert as_bytes[-1, 0] < as_bytes[0, 0]
    by_pieces = trial._pairs(0, 8, "docstrings", 300, *run)
    # Nats a byte, not a token: fewer tokens cost more each.
    assert 0.2 < by_pieces[0, 0] / as_bytes[0, 0] < 1.2
    trial._pairs.cache_clear()
