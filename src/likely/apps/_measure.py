"""The same measure for every model: in windows, or for an n-gram with its whole context."""

from collections.abc import Callable
from typing import Any

import numpy as np

from likely.audit.likelihood import Likelihood, from_tokens, likelihood
from likely.data.tokens import Tokens
from likely.models._ngram import NGram
from likely.models.reader import Reader

LENGTH = 256


def measure(
    reader: Reader, tokens: Tokens, *, progress: Callable[[int], None] | None = None
) -> Likelihood:
    """How likely a text is to a model.

    A transformer reads windows of its own context, every other trained model windows of 256 tokens;
    they move on by half. An n-gram looks its contexts up in its counts, which gives the same
    as windows that are longer than its order.

    Args:
        reader: any model.
        tokens: the text.
        progress: called with the number of tokens scored after each batch.

    Returns:
        The likelihood of each document.
    """
    if isinstance(reader, NGram):
        return from_tokens(tokens, reader.log_prob(tokens), reader.correct(tokens))
    context = getattr(reader, "context", LENGTH) if reader.kind == "transformer" else LENGTH
    return likelihood(reader, tokens, length=context, rows=32, progress=progress)


def as_dict(found: Likelihood) -> dict[str, Any]:
    """What reports say of a likelihood, as plain JSON values.

    Args:
        found: of one model on one text.

    Returns:
        `nats_per_token`, `bits_per_byte`, `interval`, `perplexity`, `accuracy`, `per_domain`.
    """
    return {
        "nats_per_token": found.nats_per_token,
        "bits_per_byte": found.bits_per_byte,
        "interval": list(found.interval()),
        "perplexity": found.perplexity,
        "accuracy": found.accuracy,
        "per_domain": {name: part.bits_per_byte for name, part in found.by_domain().items()},
    }


def difference(first: Likelihood, second: Likelihood, *, draws: int = 2000) -> list[float]:
    """How many bits per byte more the second model needs, document by document.

    Args:
        first: of one model.
        second: of another one on the same text.
        draws: resamples of the documents.

    Returns:
        The difference and the ends of its 95 % bootstrap interval over documents.
    """
    rng = np.random.default_rng(0)
    more, size = second.nats - first.nats, np.log(2) * first.bytes
    values = np.empty(draws)
    for i in range(draws):
        drawn = np.bincount(rng.integers(len(size), size=len(size)), minlength=len(size))
        values[i] = (drawn @ more) / (drawn @ size)
    low, high = np.quantile(values, [0.025, 0.975])
    return [float(more.sum() / size.sum()), float(low), float(high)]
