"""The best peak learning rate of a model of N parameters that reads D tokens."""

import numpy as np

from likely.forecast.columns import Coefficient, Column, Positive

OUTPUT = "learning_rate"
DELTA = 1.0
"""Squares throughout: the fit was published by least squares of logarithms."""
LAWS = {"rescales", "is_a_power"}
STARTS = {
    "params_exponent": np.linspace(-0.5, 1.5, 21),
    "tokens_exponent": np.linspace(-1.0, 1.0, 21),
}


def learning_rate_law(
    params: Column,
    tokens: Column,
    *,
    c: Positive,
    params_exponent: Coefficient,
    tokens_exponent: Coefficient,
) -> Column:
    r"""The peak learning rate at which a sweep over learning rates was lowest.

    $$ \eta(N, D) = c \, N^{-x} D^{y} $$

    Args:
        params: N, without embeddings where the authors' constants are used.
        tokens: D, read in training.
        c: scale.
        params_exponent: x, how fast it falls with size; either sign.
        tokens_exponent: y, how fast it rises with data; either sign.

    Returns:
        Learning rate, one a cell of sizes and tokens, `[R]`.

    Example:
        >>> published = {"c": 1.79, "params_exponent": 0.713, "tokens_exponent": 0.307}
        >>> round(float(learning_rate_law(1e9, 1e11, **published)), 5)
        0.00163

    References:
        Li et al., Predictable Scale: Part I, Step Law, 2025. arXiv:2503.04715
    """
    return c * np.exp(-params_exponent * np.log(params) + tokens_exponent * np.log(tokens))


def linear(
    params: Column, tokens: Column, *, params_exponent: Coefficient, tokens_exponent: Coefficient
) -> dict[str, Column]:
    """What c is multiplied with.

    Args:
        params: N.
        tokens: D.
        params_exponent: x.
        tokens_exponent: y.

    Returns:
        Coefficient → its factor.
    """
    return {"c": np.exp(-params_exponent * np.log(params) + tokens_exponent * np.log(tokens))}


def value_and_jacobian(
    params: Column,
    tokens: Column,
    *,
    c: Positive,
    params_exponent: Coefficient,
    tokens_exponent: Coefficient,
) -> tuple[Column, dict[str, Column]]:
    """The law, and its derivative by every coefficient.

    Args:
        params: N.
        tokens: D.
        c: scale.
        params_exponent: x.
        tokens_exponent: y.

    Returns:
        The learning rate, and coefficient → derivative.
    """
    of_params, of_tokens = np.log(params), np.log(tokens)
    factor = np.exp(-params_exponent * of_params + tokens_exponent * of_tokens)
    return c * factor, {
        "c": factor,
        "params_exponent": -of_params * c * factor,
        "tokens_exponent": of_tokens * c * factor,
    }
