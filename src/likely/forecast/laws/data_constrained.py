"""Loss when the data run out: repeated tokens and parameters in excess are worth less and less."""

from typing import Annotated, Any

import numpy as np
from annotated_types import Gt, Le

from likely.forecast.columns import Coefficient, Column, Exponent, Positive
from likely.forecast.laws._repeats import effective, optimal_params
from likely.forecast.laws._starts import best, pairs, weighted

Repeats = Annotated[Coefficient, Gt(0), Le(1e3)]
"""Above a thousand, every repetition is worth as much as the first: no table says more."""

LAWS = {"falls_in_params", "falls_in_tokens", "falls_in_unique_tokens", "above_E", "one_epoch"}


def data_constrained(
    params: Column,
    tokens: Column,
    unique_tokens: Column,
    *,
    E: Positive,
    A: Positive,
    B: Positive,
    alpha: Exponent,
    beta: Exponent,
    R_D: Repeats,
    R_N: Repeats,
) -> Column:
    r"""What a model of N parameters loses after D tokens, of which only U were different.

    $$ L = E + \frac{A}{N'^{\alpha}} + \frac{B}{D'^{\beta}}, \qquad
       X' = U_X + U_X R^*_X \left(1 - e^{-R_X / R^*_X}\right), \quad R_X = \frac{X}{U_X} - 1 $$

    U_D is the smaller of U and D, so that one epoch is `chinchilla` as far as data go. U_N is the
    smaller of N and the size that is best for U_D different tokens by the law's own constants, at
    which A alpha / N^alpha = B beta / D^beta. The law falls towards a floor in N and D and never
    rises: leave runs out in which repetition did harm.

    Args:
        params: N.
        tokens: D, read in training, repetitions counted.
        unique_tokens: U, different tokens there were; more than D is as D.
        E: loss that stays.
        A: scale of the parameters.
        B: scale of the tokens.
        alpha: exponent of the parameters.
        beta: exponent of the tokens; the authors hold it at alpha.
        R_D: R*_D, repetitions after which data have given 1 − 1/e of what repeating can give.
        R_N: R*_N, the same for parameters in excess.

    Returns:
        Loss in the unit of E, one a run, `[R]`.

    Example:
        >>> c4 = {"E": 1.87, "A": 521.0, "B": 1488.0, "alpha": 0.353, "beta": 0.353}
        >>> repeats = {"R_D": 15.387756, "R_N": 5.309743}
        >>> epochs = np.array([1.0, 4.0, 44.0])
        >>> data_constrained(2.8e9, 55e9, 55e9 / epochs, **c4, **repeats).round(3).tolist()
        [2.352, 2.375, 2.696]

    References:
        Muennighoff et al., Scaling Data-Constrained Language Models, 2023, eq. 5, 6, and 17 for the
        constants of C4. arXiv:2305.16264
    """
    unique = np.minimum(unique_tokens, tokens)
    base = np.minimum(params, optimal_params(unique, A, B, alpha, beta)[0])
    data = effective(tokens, unique, R_D)[0]
    size = effective(params, base, R_N)[0]
    loss: Column = E + A * np.exp(-alpha * np.log(size)) + B * np.exp(-beta * np.log(data))
    return loss


def value_and_jacobian(
    params: Column,
    tokens: Column,
    unique_tokens: Column,
    *,
    E: Positive,
    A: Positive,
    B: Positive,
    alpha: Exponent,
    beta: Exponent,
    R_D: Repeats,
    R_N: Repeats,
) -> tuple[Column, dict[str, Column]]:
    """The law, and its derivative by every coefficient.

    Args:
        params: N.
        tokens: D.
        unique_tokens: U.
        E: loss that stays.
        A: scale of the parameters.
        B: scale of the tokens.
        alpha: exponent of the parameters.
        beta: exponent of the tokens.
        R_D: repetitions of data that count.
        R_N: parameters in excess that count.

    Returns:
        The loss, and coefficient → derivative.
    """
    unique = np.minimum(unique_tokens, tokens)
    optimal, by = optimal_params(unique, A, B, alpha, beta)
    base = np.minimum(params, optimal)
    data, data_by_repeats, _ = effective(tokens, unique, R_D)
    size, size_by_repeats, size_by_base = effective(params, base, R_N)
    of_size, of_data = np.exp(-alpha * np.log(size)), np.exp(-beta * np.log(data))
    by_size, by_data = -alpha * A * of_size / size, -beta * B * of_data / data
    # By the logarithm of the best size; nothing where the model is no larger than that.
    moves = np.where(params > optimal, by_size * size_by_base * base, 0.0)
    return E + A * of_size + B * of_data, {
        "E": 1.0,
        "A": of_size + moves * by["A"],
        "B": of_data + moves * by["B"],
        "alpha": -np.log(size) * A * of_size + moves * by["alpha"],
        "beta": -np.log(data) * B * of_data + moves * by["beta"],
        "R_D": by_data * data_by_repeats,
        "R_N": by_size * size_by_repeats,
    }


def starts(params: Column, tokens: Column, unique_tokens: Column, target: Column) -> dict[str, Any]:
    """Hoffmann's constants by least squares, with data that count as published; the best three.

    Args:
        params: N.
        tokens: D.
        unique_tokens: U.
        target: the loss.

    Returns:
        Coefficient → grid.
    """
    N, D, U, loss = (np.asarray(one, np.float64) for one in (params, tokens, unique_tokens, target))
    data, exponents, found = effective(D, np.minimum(U, D), 15.0)[0], np.linspace(0.1, 0.8, 15), []
    of_N, of_D = np.log(N / N.mean()), np.log(data / data.mean())
    for alpha, beta in pairs(exponents, exponents):
        factors = (1.0, np.exp(-alpha * of_N), np.exp(-beta * of_D))
        (E, A, B), rest = weighted(factors, loss, 1 / loss)
        guess = {
            "E": float(E),
            "A": float(A * N.mean() ** alpha),
            "B": float(B * data.mean() ** beta),
        }
        found.append((rest, {**guess, "alpha": alpha, "beta": beta}))
    return {**best(found, 3), "R_D": np.array([5.0, 15.0, 45.0]), "R_N": np.array([5.0, 20.0])}
