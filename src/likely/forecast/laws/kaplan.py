"""Loss by size and data where either can be the bottleneck: Kaplan's law."""

from typing import Any

import numpy as np

from likely.forecast.columns import Column, Exponent, Positive
from likely.forecast.laws._starts import best, pairs, weighted

LAWS = {"falls_in_params", "falls_in_tokens", "rescales"}


def kaplan(
    params: Column,
    tokens: Column,
    *,
    N_c: Positive,
    D_c: Positive,
    alpha_N: Exponent,
    alpha_D: Exponent,
) -> Column:
    r"""What a model of N parameters loses on D tokens, trained until its loss stops falling.

    $$ L(N, D) = \left[\left(\frac{N_c}{N}\right)^{\alpha_N / \alpha_D} +
       \frac{D_c}{D}\right]^{\alpha_D} $$

    There is no floor: the loss goes to 0 with N and D, which it cannot; compare with `chinchilla`
    before extrapolating. With endless data it is (N_c / N)^alpha_N. Values are computed as a
    logarithm of a sum of exponentials, so that N_c of 1e14 does no harm.

    Args:
        params: N, without embeddings where the authors' constants are used.
        tokens: D, of the data set.
        N_c: size at which the loss would be one nat with endless data.
        D_c: tokens at which it would be one nat with endless size.
        alpha_N: exponent of the parameters.
        alpha_D: exponent of the tokens.

    Returns:
        Loss in nats a token, one a run, `[R]`.

    Example:
        >>> one_by_one = {"N_c": 8.8e13, "alpha_N": 0.076, "D_c": 5.4e13, "alpha_D": 0.095}
        >>> round(float(kaplan(1e9, 2e10, **one_by_one)), 3)
        2.435

    References:
        Kaplan et al., Scaling Laws for Neural Language Models, 2020, eq. 1.5. arXiv:2001.08361 (the
        constants above are those of its one-variable laws, eq. 1.1 and 1.2)
    """
    loss: Column = _parts(params, tokens, N_c, D_c, alpha_N, alpha_D)[0]
    return loss


def _parts(N: Any, D: Any, N_c: Any, D_c: Any, alpha_N: Any, alpha_D: Any) -> tuple[Any, ...]:
    """The loss; N_c / N in logarithm; what is to the power alpha_D; the share of size in it."""
    size = np.log(N_c) - np.log(N)
    first = alpha_N / alpha_D * size
    both = np.logaddexp(first, np.log(D_c) - np.log(D))
    return np.exp(alpha_D * both), size, both, np.exp(first - both)


def value_and_jacobian(
    params: Column,
    tokens: Column,
    *,
    N_c: Positive,
    D_c: Positive,
    alpha_N: Exponent,
    alpha_D: Exponent,
) -> tuple[Column, dict[str, Column]]:
    """The law, and its derivative by every coefficient.

    Args:
        params: N.
        tokens: D.
        N_c: scale of the parameters.
        D_c: scale of the tokens.
        alpha_N: exponent of the parameters.
        alpha_D: exponent of the tokens.

    Returns:
        The loss, and coefficient → derivative.
    """
    value, size, both, share = _parts(params, tokens, N_c, D_c, alpha_N, alpha_D)
    return value, {
        "N_c": value * alpha_N * share / N_c,
        "D_c": value * alpha_D * (1 - share) / D_c,
        "alpha_N": value * share * size,
        "alpha_D": value * (both - share * alpha_N / alpha_D * size),
    }


def starts(params: Column, tokens: Column, target: Column) -> dict[str, Any]:
    """Both scales by least squares for many pairs of exponents; the best four of them.

    For given exponents, L^(1 / alpha_D) is linear in N_c^(alpha_N / alpha_D) and D_c.

    Args:
        params: N.
        tokens: D.
        target: the loss.

    Returns:
        Coefficient → grid.
    """
    N, D, loss = (np.asarray(one, np.float64) for one in (params, tokens, target))
    middle_N, middle_D = np.log(N).mean(), np.log(D).mean()
    grid, found = np.geomspace(0.02, 0.7, 12), []
    for alpha_N, alpha_D in pairs(grid, grid):
        ratio, powered = alpha_N / alpha_D, np.log(loss) / alpha_D
        raised = np.exp(powered - powered.mean())
        factors = (np.exp(-ratio * (np.log(N) - middle_N)), np.exp(-(np.log(D) - middle_D)))
        (of_N, of_D), rest = weighted(factors, raised, alpha_D / raised)
        guess = {
            "N_c": float(np.exp((np.log(of_N) + powered.mean()) / ratio + middle_N)),
            "D_c": float(np.exp(np.log(of_D) + powered.mean() + middle_D)),
        }
        found.append((rest, {**guess, "alpha_N": alpha_N, "alpha_D": alpha_D}))
    return best(found, 4)
