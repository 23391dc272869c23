"""The sum of a constant and two falling powers, with its derivatives."""

from typing import Any

import numpy as np

from likely.forecast.columns import Column, Exponent, Positive


def linear(params: Column, tokens: Column, *, alpha: Exponent, beta: Exponent) -> dict[str, Column]:
    """What E, A and B are multiplied with."""
    return {
        "E": 1.0,
        "A": np.exp(-alpha * np.log(params)),
        "B": np.exp(-beta * np.log(tokens)),
    }


def value_and_jacobian(
    params: Column,
    tokens: Column,
    *,
    E: Positive,
    A: Positive,
    B: Positive,
    alpha: Exponent,
    beta: Exponent,
) -> tuple[Any, dict[str, Any]]:
    """E + A params^-alpha + B tokens^-beta, and its derivative by every coefficient."""
    of = linear(params, tokens, alpha=alpha, beta=beta)
    from_params, from_tokens = A * of["A"], B * of["B"]
    return E + from_params + from_tokens, {
        **of,
        "alpha": -np.log(params) * from_params,
        "beta": -np.log(tokens) * from_tokens,
    }
