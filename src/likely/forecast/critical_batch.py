"""What a batch size costs: steps, tokens and compute against the fewest of each.

The law `critical_batch_size` fits the first of these to measurements.
"""

from likely.forecast.columns import Column, Exponent, Positive
from likely.forecast.laws import critical_batch_size as _law


def critical_batch(loss: Column, *, B_star: Positive, alpha_B: Exponent) -> Column:
    r"""The batch size at which steps and tokens are both twice the fewest, at some loss.

    $$ B_{crit}(L) = \frac{B_*}{L^{1 / \alpha_B}} $$

    Args:
        loss: L, in nats a token.
        B_star: size at a loss of one nat, in tokens.
        alpha_B: how slowly it grows while the loss falls.

    Returns:
        Tokens of one step.

    Example:
        >>> round(float(critical_batch(2.0, B_star=2e8, alpha_B=0.21)))
        7371465

    References:
        Kaplan et al., Scaling Laws for Neural Language Models, 2020, eq. 1.4. arXiv:2001.08361
    """
    return _law.critical_batch_size(loss, B_star=B_star, alpha_B=alpha_B)


def min_steps(step: Column, batch_tokens: Column, critical: Column) -> Column:
    r"""Steps that a run would have needed at endless batch size.

    $$ S_{min} = \frac{S}{1 + B_{crit} / B} $$

    Args:
        step: S, steps that it took.
        batch_tokens: B, tokens of one step.
        critical: critical batch size at the loss it reached, from `critical_batch`.

    Returns:
        The fewest steps.

    Example:
        >>> min_steps(1000.0, 1e6, 1e6)
        500.0

    References:
        Kaplan et al., Scaling Laws for Neural Language Models, 2020, eq. 5.4. arXiv:2001.08361;
        McCandlish et al., An Empirical Model of Large-Batch Training, 2018. arXiv:1812.06162
    """
    return step / (1 + critical / batch_tokens)


def min_compute(flops: Column, batch_tokens: Column, critical: Column) -> Column:
    r"""Compute that a run would have needed at a batch size far below the critical one.

    $$ C_{min} = \frac{C}{1 + B / B_{crit}} $$

    Args:
        flops: C, what it took.
        batch_tokens: B, tokens of one step.
        critical: critical batch size at the loss it reached, from `critical_batch`.

    Returns:
        The least compute, in the unit of C.

    Example:
        >>> min_compute(6e18, 1e6, 2e6)
        4e+18

    References:
        Kaplan et al., Scaling Laws for Neural Language Models, 2020, eq. 5.5. arXiv:2001.08361
    """
    return flops / (1 + batch_tokens / critical)
