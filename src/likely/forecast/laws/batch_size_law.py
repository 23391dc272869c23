"""The best batch size for D tokens."""

import numpy as np

from likely.forecast.columns import Coefficient, Column, Positive

OUTPUT = "batch_tokens"
DELTA = 1.0
"""Squares throughout: the fit was published by least squares of logarithms."""
LAWS = {"rescales", "is_a_power"}
STARTS = {"tokens_exponent": np.linspace(-1.0, 1.5, 51)}


def batch_size_law(tokens: Column, *, c: Positive, tokens_exponent: Coefficient) -> Column:
    r"""The batch size, in tokens a step, at which a sweep over batch sizes was lowest.

    $$ B(D) = c \, D^{z} $$

    Args:
        tokens: D, read in training.
        c: scale.
        tokens_exponent: z, how fast it rises with data; either sign.

    Returns:
        Tokens of one step, one a cell of sizes and tokens, `[R]`.

    Example:
        >>> round(float(batch_size_law(1e11, c=0.58, tokens_exponent=0.571)))
        1107715

    References:
        Li et al., Predictable Scale: Part I, Step Law, 2025. arXiv:2503.04715
    """
    return c * np.exp(tokens_exponent * np.log(tokens))


def linear(tokens: Column, *, tokens_exponent: Coefficient) -> dict[str, Column]:
    """What c is multiplied with.

    Args:
        tokens: D.
        tokens_exponent: z.

    Returns:
        Coefficient → its factor.
    """
    return {"c": np.exp(tokens_exponent * np.log(tokens))}


def value_and_jacobian(
    tokens: Column, *, c: Positive, tokens_exponent: Coefficient
) -> tuple[Column, dict[str, Column]]:
    """The law, and its derivative by every coefficient.

    Args:
        tokens: D.
        c: scale.
        tokens_exponent: z.

    Returns:
        The batch size, and coefficient → derivative.
    """
    logarithm = np.log(tokens)
    factor = np.exp(tokens_exponent * logarithm)
    return c * factor, {"c": factor, "tokens_exponent": logarithm * c * factor}
