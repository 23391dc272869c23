"""Prequential codes against closed forms, and the parts they are made of."""

from math import lgamma, log

import numpy as np
import pytest
import torch

from likely.audit.prequential import Prequential, prequential
from likely.core.errors import BadInput, BadSetting, ShapeError, Unsupported
from likely.core.vocabulary import Vocabulary
from likely.data._dirichlet import bayes
from likely.data.corpus import Corpus, Document
from likely.data.tasks.rules_in_context import rules_in_context
from likely.data.tokens import encode
from likely.models.feed_forward import feed_forward
from likely.models.ngram import ngram
from likely.models.reader import Reader
from likely.models.transformer import transformer

BYTES = Vocabulary.of_bytes()


def corpus(*texts):
    return Corpus("c", tuple(Document(str(i), text) for i, text in enumerate(texts)))


class Counting(Reader):
    """Krichevsky and Trofimov over all ids: what a segment has shown so far, and half a one."""

    kind = "counting"
    vocabulary = BYTES

    def logits(self, batch):
        rows = []
        for ids, place in zip(batch.ids.tolist(), batch.position.tolist(), strict=True):
            if place == 0:
                counts = torch.full((BYTES.size,), 0.5, dtype=torch.float64)
            else:
                counts[ids] += 1
            rows.append(counts.log())
        return torch.stack(rows)

    start = step = save = parameters_count = None


def evidence(ids, size, alpha=0.5):
    """log p of a sequence whose law is drawn from a Dirichlet law, in closed form."""
    counts = np.bincount(ids, minlength=size)
    whole = lgamma(size * alpha) - lgamma(size * alpha + len(ids))
    return whole + sum(lgamma(n + alpha) - lgamma(alpha) for n in counts)


def test_the_sum_of_next_token_losses_is_the_evidence():
    tokens = encode(corpus("abracadabra", "b", "aaaaaaaaaaaaaaaaaaaa"), BYTES)
    code = prequential(Counting(), tokens, rows=2)
    for row, (begin, end) in enumerate(zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)):
        wanted = -evidence(tokens.ids[begin:end], BYTES.size) / log(2)
        assert code.bits[row] == pytest.approx(wanted, rel=1e-6)
    assert code.tokens.tolist() == [12, 2, 21]


def test_ways_are_mixed_by_their_evidence():
    rng = np.random.default_rng(0)
    symbols, states = rng.integers(2, size=(3, 20)), rng.integers(4, size=(3, 20))
    rows, prior = np.array([[0, 0, 0, 0], [0, 1, 2, 3]]), (0.25, 0.75)
    after = bayes(symbols, states, size=2, rows=rows, prior=prior, concentration=0.5)
    np.testing.assert_allclose(np.exp(after).sum(-1), 1)
    row, place = np.ogrid[:3, :20]
    code = Prequential(-after[row, place, states, symbols])
    for m in range(3):
        flat = log(0.25) + evidence(symbols[m], 2)
        deep = log(0.75) + sum(evidence(symbols[m][states[m] == s], 2) for s in range(4))
        assert code.bits[m] == pytest.approx(-np.logaddexp(flat, deep) / log(2))


@pytest.mark.parametrize("make", ["transformer", "feed_forward", "ngram"])
def test_any_model_codes_and_every_token_counts_once(make):
    texts = corpus("one context", "another, longer context", "x")
    tokens = encode(texts, BYTES)
    models = {
        "transformer": lambda: transformer(BYTES, layers=1, width=8, heads=2, context=32),
        "feed_forward": lambda: feed_forward(BYTES, width=3),
        "ngram": lambda: ngram(tokens, tokens),
    }
    model = models[make]()
    code = prequential(model, tokens, rows=2)
    log_prob, _ = model.judge(tokens, length=64)
    assert code.bits.sum() == pytest.approx(-log_prob.sum() / log(2), rel=1e-6)
    without = prequential(model, tokens, end=False)
    assert without.tokens.tolist() == [11, 23, 1]
    last = code.nats[np.arange(3), code.tokens - 1] / log(2)
    np.testing.assert_allclose(without.bits, code.bits - last, rtol=1e-5)


def test_parts_of_a_code():
    nats = np.log(2) * np.array([[4.0, 3, 2, 1, 1, 1, 1, 1], [2, 1, 1, 1, np.nan, *[np.nan] * 3]])
    code = Prequential(nats)
    np.testing.assert_allclose(code.bits, [14, 5])
    np.testing.assert_allclose(code.cumulative[0], [4, 7, 9, 10, 11, 12, 13, 14])
    assert np.isnan(code.cumulative[1, 4:]).all()
    np.testing.assert_allclose(code.curve[:4], [3, 2, 1.5, 1])
    parts = code.split()
    np.testing.assert_allclose(parts.data, [8, 4])
    np.testing.assert_allclose(parts.model, [6, 1])
    asked = code.split(np.log(2) * np.array([7.0, 6.0]))
    np.testing.assert_allclose(asked.model, [7, -1])


def test_a_source_of_more_parameters_has_a_longer_model():
    task = rules_in_context(documents=1, held_out=500, seed=3)
    x = np.array([[int(c) for c in d.text[::2]] for d in task.held_out])
    y = np.array([[ord(c) - 97 for c in d.text[1::2]] for d in task.held_out])
    rows = np.array([np.arange(8) & mask for mask in range(8)])
    prior = 1 / (4 * np.array([1, 3, 3, 3, 3, 3, 3, 1]))
    after = bayes(y, x, size=2, rows=rows, prior=prior.tolist(), concentration=1.0)
    row, place = np.ogrid[:500, :48]
    code = Prequential(-after[row, place, x, y])
    said = [d.metadata["bayes_nats"] for d in task.held_out]
    np.testing.assert_allclose(code.bits * log(2), said)
    model = code.split(-after[row, -1, x, y].sum(1)).model
    parameters = np.array([d.metadata["parameters"] for d in task.held_out])
    means = [model[parameters == count].mean() for count in (1, 2, 4, 8)]
    assert means == sorted(means)
    assert means[-1] - means[0] > 3


def test_refusals():
    tokens = encode(corpus("abcdefgh", ""), BYTES)
    small = transformer(BYTES, layers=1, width=8, heads=2, context=4)
    with pytest.raises(Unsupported, match="9 tokens with its end, and this model reads 4"):
        prequential(small, tokens)
    with pytest.raises(BadInput, match="'1' is empty"):
        prequential(Counting(), tokens, end=False)
    with pytest.raises(BadInput, match="no documents"):
        prequential(Counting(), tokens.select([]))
    with pytest.raises(BadSetting, match="last"):
        Prequential(np.ones((1, 2))).split(last=1.0)
    with pytest.raises(ShapeError, match="1 contexts"):
        Prequential(np.ones((1, 2))).split(np.ones(2))
    with pytest.raises(ShapeError, match="after the end"):
        Prequential(np.array([[np.nan, 1.0]]))
