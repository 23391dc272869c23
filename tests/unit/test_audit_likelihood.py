"""How likely a text is: against sums by hand."""

import numpy as np
import pytest
import torch

from likely.audit.likelihood import from_tokens, likelihood
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.tokens import encode
from likely.models.feed_forward import feed_forward

BYTES = Vocabulary.of_bytes()
TEXTS = ("a", "hello there, this is longer than a window", "é" * 20)


@pytest.fixture
def tokens():
    documents = tuple(Document(str(i), t, domain="xy"[i % 2]) for i, t in enumerate(TEXTS))
    return encode(Corpus("c", documents), BYTES)


def test_windows_score_every_token_once_as_one_long_window_does(tokens):
    model = feed_forward(BYTES, context=4, embedding=3, width=5)
    long = likelihood(model, tokens, length=256, rows=2)
    short = likelihood(model, tokens, length=10, rows=3)
    np.testing.assert_allclose(long.nats, short.nats, rtol=1e-5)
    assert long.tokens.tolist() == [len(t.encode()) + 1 for t in TEXTS]
    assert long.bytes.tolist() == [len(t.encode()) for t in TEXTS]
    assert model.training


def test_numbers_are_the_definitions(tokens):
    n = len(tokens.ids)
    log_prob = np.linspace(-3, -1, n)
    result = from_tokens(tokens, log_prob, np.arange(n) % 2 == 0)
    assert result.nats_per_token == pytest.approx(-log_prob.mean())
    assert result.perplexity == pytest.approx(np.exp(-log_prob.mean()))
    assert result.bits_per_byte == pytest.approx(
        -log_prob.sum() / np.log(2) / sum(len(t.encode()) for t in TEXTS)
    )
    assert result.accuracy == pytest.approx(np.mean(np.arange(n) % 2 == 0))
    low, high = result.interval(seed=1)
    assert low <= result.bits_per_byte <= high
    assert set(result.by_domain()) == {"x", "y"}
    assert result.by_domain()["y"].tokens.tolist() == [len(TEXTS[1]) + 1]


def test_a_uniform_model_pays_eight_bits_and_a_little(tokens):
    model = feed_forward(BYTES, context=1, embedding=1, width=1)
    with torch.no_grad():
        model.output.weight.zero_()
    result = likelihood(model, tokens, length=16)
    assert result.nats_per_token == pytest.approx(np.log(257), rel=1e-6)
    # No token is likelier than any other, so every one of them is "correct" as ranks count.
    assert result.accuracy == 1.0
