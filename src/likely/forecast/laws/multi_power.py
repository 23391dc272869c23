"""Loss along a run by the sum of its learning rates and a power law of every fall of theirs."""

from typing import Annotated, Any, TypeAlias

import numpy as np
from annotated_types import Ge, Le
from jaxtyping import Float

from likely.forecast.columns import Coefficient, Column, Exponent, Positive, Schedules
from likely.forecast.laws._falls import binned, summed
from likely.forecast.laws._rates import LEAST, Taken, by_rate, by_schedule, falls_of

Remainder: TypeAlias = Annotated[Coefficient, Ge(0.01), Le(5)]
"""An exponent that stays off 0: there B grows without end, and nothing else changes any more."""
Blocks = Annotated[int, Ge(1)]
Falls = Float[np.ndarray, "R K"]

LAWS = {"a_power_at_constant_rate"}
REFITS = 400
"""Tables drawn again; each takes some twenty milliseconds."""


def multi_power(
    step: Taken,
    schedule: Schedules,
    *,
    L0: Positive,
    A: Positive,
    alpha: Exponent,
    B: Positive,
    C: Positive,
    beta: Remainder,
    gamma: Exponent,
    blocks: Blocks = 16,
    counts_warmup: bool = True,
) -> Column:
    r"""Loss after t steps of any learning-rate schedule, by Luo and others.

    $$ L(t) = L_0 + A\, S_1(t)^{-\alpha} - B \sum_{k=1}^{t} (\eta_{k-1} - \eta_k)\;
       G\big(\eta_k^{-\gamma}\, S_k(t)\big), \quad G(x) = 1 - (1 + C x)^{-\beta} $$
    S_k(t) is the sum of the rates of steps k to t, and S₁ that of all. Falls are gathered in blocks
    that widen with their distance from t, so that the work does not grow with the steps.

    Args:
        step: t, steps taken.
        schedule: η, the learning rate of every step, one array a run.
        L0: loss that is left after endless training at a constant rate.
        A: scale of what training removes.
        alpha: exponent of the summed rates.
        B: what a fall of the rate by 1 is worth in the end.
        C: how soon a fall takes effect; weakly identified, as is beta: show its profile.
        beta: exponent by which the rest of a fall's effect comes.
        gamma: exponent by which falls at low rates take effect sooner.
        blocks: of falls, and of rises, for every row; 16 keep the objective within 1 % of exact.
        counts_warmup: whether the rises of a warm-up, from 0 on, count as negative falls. So does
            the authors' code, and with it the coefficients that they publish; their text does not.

    Returns:
        Loss in the unit of L0, one a row, `[R]`.

    Raises:
        BadInput: a step that its schedule does not have, or a rate that is none.
        ShapeError: other numbers of steps and of schedules.

    Example:
        >>> published = dict(L0=3.040, A=0.525, alpha=0.508, B=363.8, C=2.066, beta=0.583,
        ...                  gamma=0.641)
        >>> rates = np.r_[np.linspace(1e-6, 3e-4, 2000), np.full(18000, 3e-4), np.full(4000, 3e-5)]
        >>> multi_power(np.array([20000, 24000]), [rates, rates], **published).round(3).tolist()
        [3.365, 3.269]

    References:
        Luo et al., A Multi-Power Law for Loss Curve Prediction Across Learning Rate Schedules,
        2025, eq. 1 and 2. arXiv:2503.12811.
    """
    falls = transform(step, schedule, blocks=blocks, counts_warmup=counts_warmup)
    return predict(*falls, L0=L0, A=A, alpha=alpha, B=B, C=C, beta=beta, gamma=gamma)


def transform(
    step: Taken, schedule: Schedules, *, blocks: Blocks = 16, counts_warmup: bool = True
) -> tuple[Float[np.ndarray, "R"], Falls, Falls, Falls]:
    """What the law is a function of.

    Args:
        step: t.
        schedule: η.
        blocks: of falls for every row.
        counts_warmup: whether a warm-up counts as negative falls.

    Returns:
        The sum of rates, one a row; and of every block of falls their sum, the logarithm of the
        rate, and the sum of rates since.
    """
    parts = [
        (rows, binned(rates, steps, blocks, counts_warmup))
        for rows, steps, rates in by_schedule(step, schedule)
    ]
    width = max((fall.shape[1] for _, (_, fall, _, _) in parts), default=0)
    trained = np.empty(len(schedule))
    # Where a row has fewer blocks, the rest are falls by 0.
    fall, log_rate, since = (np.zeros((len(schedule), width)) for _ in range(3))
    for rows, some in parts:
        trained[rows] = some[0]
        for whole, part in zip((fall, log_rate, since), some[1:], strict=True):
            whole[rows, : part.shape[1]] = part
    return trained, fall, log_rate, since


def predict(
    trained: Column,
    fall: Falls,
    log_rate: Falls,
    since: Falls,
    *,
    L0: Positive,
    A: Positive,
    alpha: Exponent,
    B: Positive,
    C: Positive,
    beta: Remainder,
    gamma: Exponent,
) -> Column:
    """The law on blocks of falls.

    Args:
        trained: the sum of rates.
        fall: sum of every block's falls.
        log_rate: the logarithm of its rate.
        since: the sum of rates since.
        L0: loss that is left.
        A: scale of what training removes.
        alpha: exponent of the summed rates.
        B: what a fall is worth.
        C: how soon.
        beta: exponent of the rest.
        gamma: exponent of the rate.

    Returns:
        Loss.
    """
    dropped, *_ = summed(fall, log_rate, since, C, beta, gamma)
    loss: Column = L0 + A * np.exp(-alpha * np.log(trained)) - B * dropped
    return loss


def linear(
    trained: Column,
    fall: Falls,
    log_rate: Falls,
    since: Falls,
    *,
    alpha: Exponent,
    C: Positive,
    beta: Remainder,
    gamma: Exponent,
) -> dict[str, Column]:
    """What L0, A and B are multiplied with.

    Args:
        trained: the sum of rates.
        fall: sum of every block's falls.
        log_rate: the logarithm of its rate.
        since: the sum of rates since.
        alpha: exponent of the summed rates.
        C: how soon a fall takes effect.
        beta: exponent of the rest.
        gamma: exponent of the rate.

    Returns:
        Coefficient → its factor.
    """
    dropped, *_ = summed(fall, log_rate, since, C, beta, gamma)
    return {"L0": 1.0, "A": np.exp(-alpha * np.log(trained)), "B": -dropped}


def value_and_jacobian(
    trained: Column,
    fall: Falls,
    log_rate: Falls,
    since: Falls,
    *,
    L0: Positive,
    A: Positive,
    alpha: Exponent,
    B: Positive,
    C: Positive,
    beta: Remainder,
    gamma: Exponent,
) -> tuple[Column, dict[str, Column]]:
    """The law, and its derivative by every coefficient.

    Args:
        trained: the sum of rates.
        fall: sum of every block's falls.
        log_rate: the logarithm of its rate.
        since: the sum of rates since.
        L0: loss that is left.
        A: scale of what training removes.
        alpha: exponent of the summed rates.
        B: what a fall is worth.
        C: how soon.
        beta: exponent of the rest.
        gamma: exponent of the rate.

    Returns:
        The loss, and coefficient → derivative.
    """
    dropped, by_c, by_beta, by_gamma = summed(
        fall, log_rate, since, C, beta, gamma, derivatives=True
    )
    of_trained = np.exp(-alpha * np.log(trained))
    return L0 + A * of_trained - B * dropped, {
        "L0": 1.0,
        "A": of_trained,
        "alpha": -np.log(trained) * A * of_trained,
        "B": -dropped,
        "C": -B * by_c,
        "beta": -B * by_beta,
        "gamma": -B * by_gamma,
    }


def starts(
    trained: Column, fall: Falls, log_rate: Falls, since: Falls, observed: Column
) -> dict[str, Any]:
    """Grids of what the law is not linear in; that of C by the highest rate.

    Args:
        trained: the sum of rates.
        fall: sum of every block's falls.
        log_rate: the logarithm of its rate.
        since: the sum of rates since.
        observed: the losses.

    Returns:
        Coefficient → its grid.
    """
    highest = np.exp(log_rate[fall != 0].max()) if (fall != 0).any() else 1.0
    return {
        "alpha": np.array([0.2, 0.45, 0.8]),
        "C": np.geomspace(0.003, 0.3, 4) / np.sqrt(highest),
        "beta": np.array([0.1, 0.3, 0.6, 1.2]),
        "gamma": np.array([0.2, 0.5, 0.9]),
    }


def final_and_slope(
    rates: Float[np.ndarray, "_"],
    *,
    L0: float,
    A: float,
    alpha: float,
    B: float,
    C: float,
    beta: float,
    gamma: float,
    counts_warmup: bool = True,
) -> tuple[float, Float[np.ndarray, "_"]]:
    """Loss after the last step, fall by fall, and its derivative by the rate of every step.

    Args:
        rates: η, one a step.
        L0: loss that is left.
        A: scale of what training removes.
        alpha: exponent of the summed rates.
        B: what a fall is worth.
        C: how soon.
        beta: exponent of the rest.
        gamma: exponent of the rate.
        counts_warmup: whether a warm-up counts as negative falls.

    Returns:
        The loss, and one derivative a step.
    """
    falls = falls_of(rates, counts_warmup=counts_warmup)
    floor = LEAST * rates.max()
    total, safe = np.cumsum(rates), np.maximum(rates, floor)
    of_rate = np.exp(-gamma * np.log(safe))
    x = C * of_rate * (total[-1] - total + rates)
    rest = np.exp(-beta * np.log1p(x))
    worth, steep = 1 - rest, falls * beta * rest / (1 + x)
    # Besides its falls, a rate is in the power of its own and in the sums since all before.
    slope = by_rate(rates, worth, counts_warmup=counts_warmup) + np.cumsum(steep * C * of_rate)
    slope -= np.where(rates > floor, gamma * steep * x / safe, 0.0)
    loss = L0 + A * total[-1] ** -alpha - B * float(falls @ worth)
    return float(loss), -alpha * A * total[-1] ** (-alpha - 1) - B * slope
