"""Sums Σ e^{t·x} x^k u: everything smooth that one sweep can give."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from typing import Any

import torch
from torch import Tensor

from likely.vocab.moments._accumulator import SELF, Accumulator, Block, State


@dataclass(frozen=True)
class Tilted(Accumulator):
    r"""Σ_v e^{t·x_v} x_v^k for k = 0 … order.

    Moving to a shift that is higher by d: $S_k' = e^{-td} \sum_j \binom{k}{j} (-d)^{k-j} S_j$.

    Args:
        tilt: t.
        order: the largest power.
        weigher: the reader whose x is in the exponent.
        reader: the reader whose x is raised to the power.
    """

    tilt: float = 1.0
    order: int = 0
    weigher: str = SELF
    reader: str = SELF

    def join(self, other: Any) -> Any:
        """The one of higher order; where no power is taken it does not matter whose."""
        if not isinstance(other, Tilted):
            return None
        if (self.tilt, self.weigher) != (other.tilt, other.weigher):
            return None
        if self.order and other.order and self.reader != other.reader:
            return None
        return self if self.order >= other.order else other

    def of(self, block: Block, given: State) -> State:
        """One sum a power."""
        e = block.tilted(self.tilt, self.weigher)
        sums = [e.sum(-1)]
        term = e
        for _ in range(self.order):
            term = term * block.x(self.reader)
            sums.append(term.sum(-1))
        return tuple(sums)

    @property
    def width(self) -> int:
        """One part a power."""
        return self.order + 1

    def move(self, state: State, rises: Mapping[str, Tensor]) -> State:
        """The binomial rule."""
        fade = (-self.tilt * rises[self.weigher]).exp()
        rise = rises[self.reader]
        return tuple(
            fade * sum(comb(k, j) * (-rise) ** (k - j) * state[j] for j in range(k + 1))
            for k in range(len(state))
        )


@dataclass(frozen=True)
class Columns(Accumulator):
    """Σ_v e^{x_v} x_v^k u_v for k = 0 … order and columns u `[V, K]`.

    Args:
        order: the largest power of x.
    """

    order: int = 0

    axes = ("column",)
    FEW = 4
    """So many columns are summed beside the rest; more of them are one product."""

    def join(self, other: Any) -> Any:
        """The one of higher order."""
        if not isinstance(other, Columns):
            return None
        return self if self.order >= other.order else other

    def of(self, block: Block, given: State) -> State:
        """One product with u a power."""
        term = block.tilted()
        u = given[0].to(term.dtype)
        sums = []
        for k in range(self.order + 1):
            term = term * block.x() if k else term
            if u.shape[1] <= self.FEW:
                parts = [(term * u[:, j]).sum(-1) for j in range(u.shape[1])]
                sums.append(torch.stack(parts, -1) if parts else term.new_zeros(len(term), 0))
            else:
                sums.append(term @ u)
        return tuple(sums)

    @property
    def width(self) -> int:
        """One part a power."""
        return self.order + 1

    def move(self, state: State, rises: Mapping[str, Tensor]) -> State:
        """The binomial rule."""
        fade, rise = (-rises[SELF]).exp()[:, None], rises[SELF][:, None]
        return tuple(
            fade * sum(comb(k, j) * (-rise) ** (k - j) * state[j] for j in range(k + 1))
            for k in range(len(state))
        )


@dataclass(frozen=True)
class LowRank(Accumulator):
    """Σ_v e^{x_v} a·b_v for vectors a `[N, R]` and b `[V, R]`: a value of each token and word."""

    axes = ("row", "column")

    def of(self, block: Block, given: State) -> State:
        """One more product of the size of the head's."""
        e = block.tilted()
        a, b = (t.to(e.dtype) for t in given)
        return ((e * (a @ b.T)).sum(-1),)

    def move(self, state: State, rises: Mapping[str, Tensor]) -> State:
        """As every sum of e^x."""
        return (state[0] * (-rises[SELF]).exp(),)


@dataclass(frozen=True)
class Below(Accumulator):
    """Σ eˣ over words whose id is smaller than the target's."""

    def of(self, block: Block, given: State) -> State:
        """A sum under a mask."""
        before = block.ids < block.targets[:, None]
        return (torch.where(before, block.tilted(), 0.0).sum(-1),)

    def move(self, state: State, rises: Mapping[str, Tensor]) -> State:
        """As every sum of e^x."""
        return (state[0] * (-rises[SELF]).exp(),)


@dataclass(frozen=True)
class Plain(Accumulator):
    """Σ z and Σ z² over words that can come: no exponential, no shift."""

    fades = False
    width = 2

    def of(self, block: Block, given: State) -> State:
        """Two sums."""
        z = block.logits[SELF]
        there = torch.where(z.isneginf(), 0.0, z)
        return (there.sum(-1), (there * there).sum(-1))
