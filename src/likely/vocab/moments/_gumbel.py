"""Draws: the largest logit with noise that is a function of (seed, row, id) alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from likely.vocab.moments._accumulator import SELF, Accumulator, Block, State


@dataclass(frozen=True)
class Gumbel(Accumulator):
    """The word with the largest x / temperature + Gumbel noise: a draw from the softmax.

    The noise is a hash of (seed, row, id): every backend, block size and device draws the same.

    Args:
        seed: of the noise.
        temperature: divides the logits.
    """

    seed: int = 0
    temperature: float = 1.0
    axes = ("row",)
    merging = "own"
    smooth = False
    width = 2

    def of(self, block: Block, given: State) -> State:
        """The best of the block; the number of each row is given, `[N]`."""
        noisy = block.x() / self.temperature + gumbel(given[0], block.ids, self.seed, block.x())
        noisy = noisy.masked_fill(block.logits[SELF].isneginf(), -torch.inf)
        value, place = noisy.max(-1, keepdim=True)
        return (value, place + block.first_id)

    def move(self, state: State, rises: Mapping[str, Tensor]) -> State:
        """X falls."""
        return (state[0] - rises[SELF][:, None] / self.temperature, state[1])

    def merge(self, one: State, other: State) -> State:
        """The better one; the first of equal ones."""
        better = other[0] > one[0]
        return (torch.where(better, other[0], one[0]), torch.where(better, other[1], one[1]))


def gumbel(rows: Tensor, ids: Tensor, seed: int, like: Tensor) -> Tensor:
    """Standard Gumbel noise that is a function of (seed, row, id) alone.

    Args:
        rows: numbers of the tokens, `[n]`.
        ids: numbers of the words, `[B]`.
        seed: of the noise.
        like: gives the dtype.

    Returns:
        `[n, B]`.
    """
    found: Tensor = _noise(rows, ids, seed & MASK, like.dtype == torch.float64)
    return found


# One node for a compiler: torch 2.13 generates shifts of whole numbers that do not build.
@torch.library.custom_op("likely::gumbel", mutates_args=())
def _noise(rows: Tensor, ids: Tensor, seed: int, double: bool) -> Tensor:
    row = _mix(_mix(rows & MASK) ^ seed)
    word = _mix((ids + 0x9E3779B9) & MASK)
    bits = _mix(row[:, None] ^ word[None, :])
    # u near 0 in -log(-log(1 - u)) is the likely winner: there float32 has digits to spare.
    uniform = (bits.to(torch.float64 if double else torch.float32) + 0.5) * 2.0**-32
    return -(-(-uniform.clamp_max(1 - 2.0**-24)).log1p()).log()


@_noise.register_fake
def _(rows: Tensor, ids: Tensor, seed: int, double: bool) -> Tensor:
    dtype = torch.float64 if double else torch.float32
    return rows.new_empty((rows.shape[0], ids.shape[0]), dtype=dtype)


MASK = 0xFFFFFFFF


def _mix(bits: Tensor) -> Tensor:
    """A 32-bit finaliser in 64-bit integers, in halves so that no product overflows."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        bits = bits ^ (bits >> shift)
        low, high = bits & 0xFFFF, bits >> 16
        bits = (low * factor + (((high * factor) & 0xFFFF) << 16)) & MASK
    return bits ^ (bits >> 16)
