"""From tokens to sequences and pairs."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def sum_over_segments(
    value: Float[Tensor, "N"],
    segment: Int[Tensor, "N"],
    weight: Float[Tensor, "N"],
    pair: Int[Tensor, "P 2"],
) -> tuple[Float[Tensor, "P"], Float[Tensor, "P"]]:
    """Σ weight · value over both segments of every pair.

    Args:
        value: one a token.
        segment: which segment a token belongs to; −1 is padding.
        weight: how much a token counts.
        pair: chosen and rejected segment.

    Returns:
        Sums of the chosen and of the rejected segments.
    """
    count = int(torch.cat([pair.flatten(), segment]).max()) + 1 if len(segment) else 0
    sums, _ = sum_by_group(value, segment, weight, count)
    return sums[pair[:, 0]], sums[pair[:, 1]]


def sum_by_group(
    value: Float[Tensor, "N"], group: Int[Tensor, "N"], weight: Float[Tensor, "N"], count: int
) -> tuple[Float[Tensor, "S"], Float[Tensor, "S"]]:
    """Σ weight · value and Σ weight of every group of tokens.

    Args:
        value: one a token.
        group: which group a token belongs to; −1 for none.
        weight: how much a token counts.
        count: how many groups there are.

    Returns:
        Both sums; 0 for an empty group.
    """
    inside = group >= 0
    weight = weight.to(value.dtype)
    counted = (weight * value).masked_fill(weight == 0, 0.0)
    sums = value.new_zeros(count).index_add(0, group[inside], counted[inside])
    return sums, value.new_zeros(count).index_add(0, group[inside], weight[inside])


def mean_over_segment(
    value: Float[Tensor, "N"], segment: Int[Tensor, "N"], weight: Float[Tensor, "N"]
) -> Float[Tensor, "N"]:
    """At every token, the weighted mean over its segment; 0 in the padding.

    Args:
        value: one a token.
        segment: which segment a token belongs to; −1 is padding.
        weight: how much a token counts.

    Returns:
        The means, as many as tokens.
    """
    count = int(segment.max()) + 1 if len(segment) else 0
    sums, counted = sum_by_group(value, segment, weight, count + 1)
    return (sums / counted.clamp_min(1e-30))[segment.clamp_min(0)].masked_fill(segment < 0, 0.0)


def log1mexp(x: Float[Tensor, "*"]) -> Float[Tensor, "*"]:
    """Log(1 − eˣ) of numbers below 0, without cancellation at either end.

    Args:
        x: below 0; at 0 it is −∞, so a number just below stands for it.

    Returns:
        The logarithms.

    References:
        Mächler, Accurately Computing log(1 − exp(−|a|)), 2012.
    """
    x = x.clamp_max(-torch.finfo(x.dtype).tiny)
    near = x > -0.6931471805599453
    # Each branch sees numbers at which its slope is finite.
    close = (-torch.where(near, x, -0.5).expm1()).log()
    far = torch.log1p(-torch.where(near, -1.0, x).exp())
    return torch.where(near, close, far)
