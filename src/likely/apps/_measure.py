"""What reports say of a likelihood, and how far two of them are apart."""

from typing import Any

import numpy as np

from likely.audit.likelihood import Likelihood


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
