"""Loss against one amount: a constant that stays, and a power that falls."""

import numpy as np

from likely.forecast.columns import Column, Exponent, Positive

LAWS = {"falls_in_amount", "above_E", "rescales"}
STARTS = {"alpha": np.linspace(0.02, 1.5, 25)}


def power_law(amount: Column, *, E: Positive, A: Positive, alpha: Exponent) -> Column:
    r"""What is left after some amount of anything: parameters, tokens or compute, one at a time.

    $$ L(x) = E + \frac{A}{x^{\alpha}} $$

    Henighan and others write the second part (x0 / x)^alpha: x0 is A^(1 / alpha). They read E as
    the entropy of the data and the rest as the divergence of the model from them. Fit one law a
    domain: E and alpha are properties of the data.

    Args:
        amount: x, above 0: map `params`, `tokens` or `flops` to it, whatever was not the bottleneck
            being large enough.
        E: loss that no amount removes.
        A: scale of what the amount removes.
        alpha: its exponent.

    Returns:
        Loss in the unit of E, one a run, `[R]`.

    Example:
        >>> round(float(power_law(1e4, E=2.0, A=100.0, alpha=0.5)), 6)
        3.0

    References:
        Henighan et al., Scaling Laws for Autoregressive Generative Modeling, 2020, eq. 1.1.
        arXiv:2010.14701
    """
    return E + A * np.exp(-alpha * np.log(amount))


def linear(amount: Column, *, alpha: Exponent) -> dict[str, Column]:
    """What E and A are multiplied with.

    Args:
        amount: x.
        alpha: its exponent.

    Returns:
        Coefficient → its factor.
    """
    return {"E": 1.0, "A": np.exp(-alpha * np.log(amount))}


def value_and_jacobian(
    amount: Column, *, E: Positive, A: Positive, alpha: Exponent
) -> tuple[Column, dict[str, Column]]:
    """The law, and its derivative by every coefficient.

    Args:
        amount: x.
        E: loss that stays.
        A: scale of the amount.
        alpha: its exponent.

    Returns:
        The loss, and coefficient → derivative.
    """
    logarithm = np.log(amount)
    power = np.exp(-alpha * logarithm)
    return E + A * power, {"E": 1.0, "A": power, "alpha": -logarithm * A * power}
