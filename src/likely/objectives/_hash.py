"""A hash of token windows that is the same on every device and in every version."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

# Odd 64-bit constants (splitmix64), as signed integers: products wrap around.
_GOLDEN = 0x9E3779B97F4A7C15 - 2**64
_MIX = 0xBF58476D1CE4E5B9 - 2**64


def uniform_of(windows: Int[Tensor, "N H"]) -> Float[Tensor, "N"]:
    """A number in [0, 1) for each window of tokens; order counts.

    Args:
        windows: tokens, `[N, H]`.

    Returns:
        Pseudo-random numbers with 53 bits, float64.
    """
    state = torch.full((len(windows),), _GOLDEN, dtype=torch.int64, device=windows.device)
    for column in windows.T:
        state = (state ^ (column + 1)) * _MIX
        state = state ^ ((state >> 29) & (2**35 - 1))
    state = state * _GOLDEN
    return ((state >> 11) & (2**53 - 1)).double() / 2**53


def windows_before(
    ids: Int[Tensor, "N"], position: Int[Tensor, "N"], width: int
) -> tuple[Int[Tensor, "N H"], Tensor]:
    """The last `width` tokens read at each position, and whether the segment has that many.

    Args:
        ids: the token read, `[N]`.
        position: place within its segment, `[N]`.
        width: how many tokens.

    Returns:
        Windows, oldest token first, and a mask `[N]`.
    """
    columns = [ids.roll(back) for back in range(width - 1, -1, -1)]
    stacked = torch.stack(columns, dim=1) if columns else ids.new_zeros(len(ids), 0)
    return stacked, position >= width - 1
