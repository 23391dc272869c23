"""From tokens to sequences and pairs."""

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
    count = int(pair.max()) + 1 if len(pair) else 0
    counted = (weight.to(value.dtype) * value).masked_fill(weight == 0, 0.0)
    inside = (segment >= 0) & (segment < count)
    sums = value.new_zeros(count).index_add(0, segment[inside], counted[inside])
    return sums[pair[:, 0]], sums[pair[:, 1]]
