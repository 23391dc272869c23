"""Loss of a model that was pruned while it learned: Hoffmann's law on its mean size."""

import numpy as np

from likely.forecast.columns import Column, Exponent, Positive
from likely.forecast.laws._two_powers import linear, value_and_jacobian

__all__ = ["LAWS", "STARTS", "average_params", "linear", "value_and_jacobian"]
LAWS = {
    "falls_in_average_params",
    "falls_in_tokens",
    "above_E",
    "rescales",
    "is_chinchilla",
}
STARTS = {"alpha": np.linspace(0.05, 1.0, 12), "beta": np.linspace(0.05, 1.0, 12)}


def average_params(
    average_params: Column,
    tokens: Column,
    *,
    E: Positive,
    A: Positive,
    B: Positive,
    alpha: Exponent,
    beta: Exponent,
) -> Column:
    r"""What a model loses whose size changed in training, by the mean of its sizes.

    $$ L = E + \frac{A}{\bar N^{\alpha}} + \frac{B}{D^{\beta}}, \qquad
       \bar N = \frac{1}{D} \int_0^D N(t) \, dt $$

    `likely.forecast.pruning.average_of` takes the mean; a dense model is its own mean, and the law
    is then `chinchilla`. Every token counts once, as in the mean densities that the authors
    publish with their models.

    Args:
        average_params: mean of the parameters that were there, over the tokens of training.
        tokens: D, read in training.
        E: loss that neither size nor data remove.
        A: scale of what a larger mean removes.
        B: scale of what more data remove.
        alpha: exponent of the mean.
        beta: exponent of the tokens.

    Returns:
        Loss in the unit of E, one a run, `[R]`.

    Example:
        >>> dense = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
        >>> round(float(average_params(70e9, 1.4e12, **dense)), 3)
        1.937

    References:
        Jin et al., The Journey Matters: Average Parameter Count over Pre-training Unifies Sparse
        and Dense Scaling Laws, 2025. arXiv:2501.12486
    """
    return E + A * average_params**-alpha + B * tokens**-beta
