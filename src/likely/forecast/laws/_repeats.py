"""What repeated tokens and parameters in excess are worth, and which size is best for some data."""

from typing import Any

import numpy as np


def effective(amount: Any, unique: Any, star: Any) -> tuple[Any, Any, Any]:
    """What an amount with repeats is worth, and its slopes by star and by the unique part."""
    repeats = amount / unique - 1
    left = np.exp(-repeats / star)
    value = unique * (1 + star * (1 - left))
    by_star = unique * (1 - left - left * repeats / star)
    return value, by_star, 1 + star * (1 - left) - left * (1 + repeats)


def optimal_params(
    tokens: Any, A: Any, B: Any, alpha: Any, beta: Any
) -> tuple[Any, dict[str, Any]]:
    """The size that is best for some tokens, and the slopes of its logarithm."""
    ratio = np.log(alpha) + np.log(A) - np.log(beta) - np.log(B)
    logarithm = np.log(tokens)
    return np.exp((ratio + beta * logarithm) / alpha), {
        "A": 1 / (alpha * A),
        "B": -1 / (alpha * B),
        "alpha": (1 - ratio - beta * logarithm) / alpha**2,
        "beta": logarithm / alpha - 1 / (alpha * beta),
    }
