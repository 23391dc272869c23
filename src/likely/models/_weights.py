"""Weights of a mixture: those that make a text likeliest."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Weights = NDArray[np.float64]

TOLERANCE = 1e-6
"""Nats a token that fitted weights may lie below the best ones."""


def fit_weights(log_prob: Float[NDArray[np.float64], "K N"]) -> Weights:
    """Weights of a mixture by expectation-maximisation with growing steps.

    Each step multiplies a weight by its slope to some power; power 1 is the step of EM, which never
    makes the text less likely, and higher powers are tried as long as they help. It stops where no
    weights at all could gain more than a millionth of a nat a token: a concave function lies below
    its tangents, so the largest slope towards one member bounds what is left.

    Args:
        log_prob: log p of every token by every member, in nats; K members.

    Returns:
        K weights that sum to 1.

    Example:
        >>> fit_weights(np.log([[0.9, 0.1], [0.1, 0.9]])).tolist()
        [0.5, 0.5]
    """
    share = np.exp(log_prob - log_prob.max(axis=0))
    weights, mixed, power = np.full(len(share), 1 / len(share)), share.mean(axis=0), 1.0
    while (slope := (share / mixed).mean(axis=1)).max() - 1 > TOLERANCE:
        # The floor lets a member come back that a bold step has all but dropped.
        moved = np.maximum(weights * (slope / slope.max()) ** power, 1e-15)
        moved /= moved.sum()
        after = moved @ share
        if power > 1 and not np.log(after / mixed).mean() > 0:
            power = 1.0
            continue
        weights, mixed, power = moved, after, 2 * power
    few = np.where(weights < 1e-6, 0.0, weights)
    few /= few.sum()
    with np.errstate(divide="ignore"):
        lost = float(np.log(mixed / (few @ share)).mean())
    return few if lost < TOLERANCE else weights
