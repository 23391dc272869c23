"""One loss from another: a power law between what two losses have above their floors."""

from typing import Any

import numpy as np

from likely.forecast.columns import Column, Exponent, Positive

LAWS = {"rises_in_from_loss", "above_E1"}


def loss_to_loss(
    from_loss: Column, *, E0: Positive, E1: Positive, K: Positive, kappa: Exponent
) -> Column:
    r"""What one corpus or task loses where another loses L0, for models of equal size and compute.

    $$ L_1 = K \, \max(L_0 - E_0, 0)^{\kappa} + E_1 $$

    E0 and E1 are the floors of the two losses. Where each has a law of its own in parameters and
    tokens, hold them at the two E of those fits, as the authors do; K and kappa are then a line in
    logarithms. Fitted from pairs alone they are known poorly.

    Args:
        from_loss: L0, the loss that is known.
        E0: floor of L0.
        E1: floor of L1.
        K: scale.
        kappa: exponent.

    Returns:
        L1, one a pair, `[R]`.

    Example:
        >>> loss_to_loss(np.array([1.9, 3.0]), E0=2.0, E1=1.5, K=0.7, kappa=1.1).tolist()
        [1.5, 2.2]

    References:
        Brandfonbrener et al., Loss-to-Loss Prediction: Scaling Laws for All Datasets, 2024, eq. 4.
        arXiv:2411.12925
    """
    loss: Column = E1 + K * _power(from_loss, E0, kappa)[0]
    return loss


def _power(from_loss: Any, E0: Any, kappa: Any) -> tuple[Any, Any]:
    """What is above the floor to the power kappa, and its logarithm; 0 and 0 below the floor."""
    above = np.subtract(from_loss, E0)
    logarithm = np.log(np.where(above > 0, above, 1.0))
    return np.where(above > 0, np.exp(kappa * logarithm), 0.0)[()], logarithm


def linear(from_loss: Column, *, E0: Positive, kappa: Exponent) -> dict[str, Column]:
    """What E1 and K are multiplied with.

    Args:
        from_loss: L0.
        E0: its floor.
        kappa: exponent.

    Returns:
        Coefficient → its factor.
    """
    return {"E1": 1.0, "K": _power(from_loss, E0, kappa)[0]}


def starts(from_loss: Column, target: Column) -> dict[str, Any]:
    """Floors below the lowest loss, and exponents around one.

    Args:
        from_loss: L0.
        target: L1.

    Returns:
        Coefficient → grid.
    """
    lowest = float(np.min(from_loss))
    return {
        "E0": lowest * np.array([0.05, 0.3, 0.5, 0.65, 0.75, 0.83, 0.89, 0.94, 0.97, 0.99]),
        "kappa": np.geomspace(0.3, 3.0, 15),
    }


def value_and_jacobian(
    from_loss: Column, *, E0: Positive, E1: Positive, K: Positive, kappa: Exponent
) -> tuple[Column, dict[str, Column]]:
    """The law, and its derivative by every coefficient.

    Args:
        from_loss: L0.
        E0: its floor.
        E1: floor of L1.
        K: scale.
        kappa: exponent.

    Returns:
        L1, and coefficient → derivative.
    """
    power, logarithm = _power(from_loss, E0, kappa)
    # One power less is a division, by 1 where the floor was not reached and all is zero.
    slope = K * kappa * power * np.exp(-logarithm)
    return E1 + K * power, {"E0": -slope, "E1": 1.0, "K": power, "kappa": K * power * logarithm}
