"""Loss of a model of N parameters after D tokens, each seen once."""

import numpy as np

from likely.forecast.columns import Column, Exponent, Positive
from likely.forecast.laws._two_powers import linear, value_and_jacobian

__all__ = ["LAWS", "STARTS", "chinchilla", "linear", "value_and_jacobian"]

LAWS = {"falls_in_params", "falls_in_tokens", "rescales"}
STARTS = {"alpha": np.linspace(0.05, 1.0, 12), "beta": np.linspace(0.05, 1.0, 12)}


def chinchilla(
    params: Column,
    tokens: Column,
    *,
    E: Positive,
    A: Positive,
    B: Positive,
    alpha: Exponent,
    beta: Exponent,
) -> Column:
    r"""What a model of N parameters loses after one reading of D tokens, by Hoffmann and others.

    $$ L(N, D) = E + \frac{A}{N^{\alpha}} + \frac{B}{D^{\beta}} $$

    Args:
        params: N, of the model; say in the table whether embeddings are counted, and count alike.
        tokens: D, read in training.
        E: loss that neither size nor data remove, in the unit of the loss.
        A: scale of what a larger model removes.
        B: scale of what more data remove.
        alpha: exponent of the parameters.
        beta: exponent of the tokens.

    Returns:
        Loss in the unit of E, one a run, `[R]`.

    Example:
        >>> published = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
        >>> round(chinchilla(70e9, 1.4e12, **published), 3)
        1.937

    References:
        Hoffmann et al., Training Compute-Optimal Large Language Models, 2022, eq. 2 and 10.
        arXiv:2203.15556;
        Besiroglu et al., Chinchilla Scaling: A replication attempt, 2024. arXiv:2404.10102 (what
        the published numbers should have been, and how wide their intervals are).
    """
    return E + A * params**-alpha + B * tokens**-beta
