"""A whole training curve at any batch size, by way of the critical batch size."""

from typing import Any

import numpy as np

from likely.forecast.columns import Column, Exponent, Positive
from likely.forecast.laws import _trajectory
from likely.forecast.laws._starts import best, pairs, weighted

LAWS = {"falls_in_params", "falls_in_step", "falls_in_batch_tokens", "rescales", "large_batches"}


def kaplan_trajectory(
    params: Column,
    step: Column,
    batch_tokens: Column,
    *,
    N_c: Positive,
    alpha_N: Exponent,
    S_c: Positive,
    alpha_S: Exponent,
    B_star: Positive,
    alpha_B: Exponent,
) -> Column:
    r"""Loss after S steps of B tokens, at a learning rate that has settled and with endless data.

    $$ L = \left(\frac{N_c}{N}\right)^{\alpha_N} + \left(\frac{S_c}{S_{min}}\right)^{\alpha_S},
       \qquad S_{min} = \frac{S}{1 + B_{crit}(L) / B}, \quad
       B_{crit}(L) = \frac{B_*}{L^{1 / \alpha_B}} $$

    L stands on both sides: the critical batch size grows while the loss falls. There is exactly one
    solution; Newton's method finds it from below, for all rows at once. Warm-up and decay of the
    learning rate are not in the law: leave the first steps out.

    Args:
        params: N, without embeddings where the authors' constants are used.
        step: S, steps taken.
        batch_tokens: B, tokens of one step.
        N_c: size at which the loss would be one nat after endless training.
        alpha_N: exponent of the parameters.
        S_c: steps at which what training still removes is one nat, at endless batch size.
        alpha_S: exponent of the steps.
        B_star: critical batch size at a loss of one nat.
        alpha_B: how slowly the critical batch size grows while the loss falls.

    Returns:
        Loss in nats a token, one a row, `[R]`.

    Example:
        >>> published = {"N_c": 8.8e13, "alpha_N": 0.076, "S_c": 2.1e3, "alpha_S": 0.76}
        >>> critical = {"B_star": 2e8, "alpha_B": 0.21}
        >>> round(float(kaplan_trajectory(1e9, 1e5, 5e5, **published, **critical)), 3)
        2.569

    References:
        Kaplan et al., Scaling Laws for Neural Language Models, 2020, eq. 1.4, 1.6 and 5.4.
        arXiv:2001.08361;
        Su et al., Unraveling the Mystery of Scaling Laws: Part I, 2024. arXiv:2403.06563 (the same
        forms, with constants of other data, contexts and vocabularies). Putting the three together
        and solving for L is our reading of both.
    """
    given = (N_c, alpha_N, S_c, alpha_S, B_star, alpha_B)
    loss: Column = _trajectory.solve(params, step, batch_tokens, *given)[0]
    return loss


def value_and_jacobian(
    params: Column,
    step: Column,
    batch_tokens: Column,
    *,
    N_c: Positive,
    alpha_N: Exponent,
    S_c: Positive,
    alpha_S: Exponent,
    B_star: Positive,
    alpha_B: Exponent,
) -> tuple[Column, dict[str, Column]]:
    """The law, and its derivative by every coefficient, of a function given by an equation.

    Args:
        params: N.
        step: S.
        batch_tokens: B.
        N_c: scale of the parameters.
        alpha_N: exponent of the parameters.
        S_c: scale of the steps.
        alpha_S: exponent of the steps.
        B_star: critical batch size at a loss of one.
        alpha_B: its exponent.

    Returns:
        The loss, and coefficient → derivative.
    """
    given = (N_c, alpha_N, S_c, alpha_S, B_star, alpha_B)
    loss, from_size, from_steps, excess = _trajectory.solve(params, step, batch_tokens, *given)
    # from_steps * share is what the batch being finite adds, by the logarithm of its excess.
    share = alpha_S * from_steps * excess / (1 + excess)
    through = 1 / (1 + share / (alpha_B * loss))
    steps = np.log(S_c) - np.log(step) + np.log1p(excess)
    return loss, {
        "N_c": through * from_size * alpha_N / N_c,
        "alpha_N": through * from_size * (np.log(N_c) - np.log(params)),
        "S_c": through * from_steps * alpha_S / S_c,
        "alpha_S": through * from_steps * steps,
        "B_star": through * share / B_star,
        "alpha_B": through * share * np.log(loss) / alpha_B**2,
    }


def starts(params: Column, step: Column, batch_tokens: Column, target: Column) -> dict[str, Any]:
    """Both scales by least squares for many exponents and critical batch sizes; the best three.

    The measured loss says what the critical batch size was, and the fewest steps with it; the law
    is then linear in N_c^alpha_N and S_c^alpha_S.

    Args:
        params: N.
        step: S.
        batch_tokens: B.
        target: the loss.

    Returns:
        Coefficient → grid.
    """
    N, S, B, loss = (np.asarray(one, np.float64) for one in (params, step, batch_tokens, target))
    typical, batch = float(np.median(loss)), float(np.median(B))
    exponents, found = np.geomspace(0.03, 1.5, 9), []
    critical = pairs(batch * np.geomspace(0.03, 30, 7), (0.1, 0.2, 0.4, 0.8))
    for at_typical, alpha_B in critical:
        B_star = at_typical * typical ** (1 / alpha_B)
        fewest = S / (1 + B_star * loss ** (-1 / alpha_B) / B)
        of_N, of_S = np.log(N / N.mean()), np.log(fewest / fewest.mean())
        for alpha_N, alpha_S in pairs(exponents, exponents):
            factors = (np.exp(-alpha_N * of_N), np.exp(-alpha_S * of_S))
            (size, steps), rest = weighted(factors, loss, 1 / loss)
            guess = {
                "N_c": float(size ** (1 / alpha_N) * N.mean()),
                "S_c": float(steps ** (1 / alpha_S) * fewest.mean()),
                "alpha_N": alpha_N,
                "alpha_S": alpha_S,
            }
            found.append((rest, {**guess, "B_star": B_star, "alpha_B": alpha_B}))
    return best(found, 3)
