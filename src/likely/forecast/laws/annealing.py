"""Loss along a run by the sum of its learning rates and by how much they have fallen."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt
from jaxtyping import Float

from likely.forecast.columns import Column, Exponent, Positive, Schedules
from likely.forecast.laws._rates import Taken, by_rate, by_schedule, falls_of, remembered

LAWS = {"a_power_at_constant_rate"}
STARTS = {"alpha": np.geomspace(0.1, 2.0, 12)}

Decay = Annotated[float, Ge(0), Lt(1)]


def annealing(
    step: Taken,
    schedule: Schedules,
    *,
    L0: Positive,
    A: Positive,
    alpha: Exponent,
    C: Positive,
    decay: Decay = 0.999,
) -> Column:
    r"""Loss after s steps of any learning-rate schedule, by Tissue and others.

    $$ L(s) = L_0 + A\, S_1^{-\alpha} - C\, S_2, \quad S_1 = \sum_{i=1}^{s} \eta_i, \quad
       S_2 = \sum_{i=1}^{s} m_i, \quad m_i = \lambda\, m_{i-1} + (\eta_{i-1} - \eta_i) $$
    S₁ is what was trained, S₂ what falling rates have let go. The rises of a warm-up count in S₁ as
    they are, and not as negative falls in S₂. S₂ is linear in the rates: the schedule that the law
    likes best stays at the peak and then drops at once, which no training bears out. Predict with
    it; look for schedules with `multi_power`.

    Args:
        step: s, steps taken.
        schedule: η, the learning rate of every step, one array a run.
        L0: loss that is left after endless training at a constant rate.
        A: scale of what training removes.
        alpha: exponent of the summed rates.
        C: what a fall of the rate by 1 is worth a step.
        decay: λ, how much of a fall is still there a step later; 0.99 to 0.999 fit.

    Returns:
        Loss in the unit of L0, one a row, `[R]`.

    Raises:
        BadInput: a step that its schedule does not have, or a rate that is none.
        ShapeError: other numbers of steps and of schedules.

    Example:
        >>> rates = np.r_[np.full(900, 1e-3), np.full(100, 1e-4)]
        >>> seen = annealing(np.array([900, 1000]), [rates, rates], L0=2.5, A=1.0, alpha=0.5, C=2.0)
        >>> seen.round(3).tolist()
        [3.554, 3.377]

    References:
        Tissue et al., Scaling Law with Learning Rate Annealing, 2024, eq. 1. arXiv:2408.11029. How
        a warm-up counts is our reading: others say that the authors' code gives its steps the rate
        that it ends at, and on the curves of arXiv:2503.12811 that doubles the objective.
    """
    return predict(*transform(step, schedule, decay=decay), L0=L0, A=A, alpha=alpha, C=C)


def transform(
    step: Taken, schedule: Schedules, *, decay: Decay = 0.999
) -> tuple[Float[np.ndarray, "R"], Float[np.ndarray, "R"]]:
    """The two sums that the law is a function of.

    Args:
        step: s.
        schedule: η.
        decay: λ.

    Returns:
        S₁ and S₂, one a row.
    """
    trained, fallen = np.empty(len(schedule)), np.empty(len(schedule))
    for rows, steps, rates in by_schedule(step, schedule):
        trained[rows] = np.cumsum(rates)[steps - 1]
        fallen[rows] = np.cumsum(remembered(falls_of(rates), decay))[steps - 1]
    return trained, fallen


def predict(
    trained: Column, fallen: Column, *, L0: Positive, A: Positive, alpha: Exponent, C: Positive
) -> Column:
    """The law on its two sums.

    Args:
        trained: S₁.
        fallen: S₂.
        L0: loss that is left.
        A: scale of what training removes.
        alpha: exponent of the summed rates.
        C: what a fall is worth.

    Returns:
        Loss.
    """
    return L0 + A * np.exp(-alpha * np.log(trained)) - C * fallen


def linear(trained: Column, fallen: Column, *, alpha: Exponent) -> dict[str, Column]:
    """What L0, A and C are multiplied with.

    Args:
        trained: S₁.
        fallen: S₂.
        alpha: exponent of the summed rates.

    Returns:
        Coefficient → its factor.
    """
    return {"L0": 1.0, "A": np.exp(-alpha * np.log(trained)), "C": -fallen}


def value_and_jacobian(
    trained: Column, fallen: Column, *, L0: Positive, A: Positive, alpha: Exponent, C: Positive
) -> tuple[Column, dict[str, Column]]:
    """The law, and its derivative by every coefficient.

    Args:
        trained: S₁.
        fallen: S₂.
        L0: loss that is left.
        A: scale of what training removes.
        alpha: exponent of the summed rates.
        C: what a fall is worth.

    Returns:
        The loss, and coefficient → derivative.
    """
    of_trained = np.exp(-alpha * np.log(trained))
    return L0 + A * of_trained - C * fallen, {
        "L0": 1.0,
        "A": of_trained,
        "alpha": -np.log(trained) * A * of_trained,
        "C": -fallen,
    }


def final_and_slope(
    rates: Float[np.ndarray, "_"],
    *,
    L0: float,
    A: float,
    alpha: float,
    C: float,
    decay: Decay = 0.999,
) -> tuple[float, Float[np.ndarray, "_"]]:
    """Loss after the last step, and its derivative by the rate of every step.

    Args:
        rates: η, one a step.
        L0: loss that is left.
        A: scale of what training removes.
        alpha: exponent of the summed rates.
        C: what a fall is worth.
        decay: λ.

    Returns:
        The loss, and one derivative a step.
    """
    trained = rates.sum()
    # Summed, a fall k steps before the end is worth (1 − λᵏ) / (1 − λ).
    worth = (1 - decay ** np.arange(len(rates), 0, -1.0)) / (1 - decay)
    loss = L0 + A * trained**-alpha - C * float(falls_of(rates) @ worth)
    return float(loss), -alpha * A * trained ** (-alpha - 1) - C * by_rate(rates, worth)
