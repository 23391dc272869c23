"""The batch size at which more data a step and more steps cost the same, by the loss."""

import numpy as np

from likely.forecast.columns import Column, Exponent, Positive

OUTPUT = "critical_batch"
LAWS = {"falls_in_loss", "rescales"}
STARTS = {"alpha_B": np.geomspace(0.05, 2.0, 25)}


def critical_batch_size(loss: Column, *, B_star: Positive, alpha_B: Exponent) -> Column:
    r"""Critical batch size at some loss, fitted to measured ones.

    $$ B_{crit}(L) = \frac{B_*}{L^{1 / \alpha_B}} $$

    At this size a run needs twice the fewest steps and twice the fewest tokens. It is a function of
    the loss alone: a larger model has the same one at the same loss.

    Args:
        loss: L, in nats a token, of the moment at which it was measured.
        B_star: size at a loss of one nat, in the unit of `critical_batch`: tokens, or sequences.
        alpha_B: how slowly it grows while the loss falls.

    Returns:
        Critical batch size, one a measurement, `[R]`.

    Example:
        >>> round(float(critical_batch_size(3.0, B_star=2e8, alpha_B=0.21)))
        1069114

    References:
        Kaplan et al., Scaling Laws for Neural Language Models, 2020, eq. 1.4. arXiv:2001.08361;
        McCandlish et al., An Empirical Model of Large-Batch Training, 2018. arXiv:1812.06162
    """
    return B_star * np.exp(-np.log(loss) / alpha_B)


def linear(loss: Column, *, alpha_B: Exponent) -> dict[str, Column]:
    """What B_star is multiplied with.

    Args:
        loss: L.
        alpha_B: exponent.

    Returns:
        Coefficient → its factor.
    """
    return {"B_star": np.exp(-np.log(loss) / alpha_B)}


def value_and_jacobian(
    loss: Column, *, B_star: Positive, alpha_B: Exponent
) -> tuple[Column, dict[str, Column]]:
    """The law, and its derivative by every coefficient.

    Args:
        loss: L.
        B_star: size at a loss of one.
        alpha_B: exponent.

    Returns:
        The critical batch size, and coefficient → derivative.
    """
    logarithm = np.log(loss)
    factor = np.exp(-logarithm / alpha_B)
    value = B_star * factor
    return value, {"B_star": factor, "alpha_B": value * logarithm / alpha_B**2}
