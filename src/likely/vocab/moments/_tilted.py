"""Sums Σ e^{t·x} x^k u: everything smooth that one sweep can give."""

from collections.abc import Sequence
from math import comb
from typing import Any

import torch
from torch import Tensor

from likely.vocab.moments._accumulator import Accumulator, Block, State


class Tilted(Accumulator):
    r"""Σ_v e^{t·x_v} x_v^k for k = 0 … order, or with a column vector u_v and k = 0.

    Moving to a shift that is higher by d: $S_k' = e^{-td} \sum_j \binom{k}{j} (-d)^{k-j} S_j$.

    Args:
        tilt: t.
        order: the largest power of x.
        u: fixed columns over the vocabulary, `[V, R]`; then the sum is `[N, R]`.
    """

    def __init__(self, tilt: float = 1.0, order: int = 0, u: Tensor | None = None) -> None:
        assert u is None or order == 0
        self.tilt, self.order, self.u = tilt, order, u

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """The columns, if any."""
        return () if self.u is None else (self.u,)

    def key(self) -> tuple[Any, ...]:
        """Equal tilt and the very same columns: then the higher order serves both."""
        return ("tilted", self.tilt, None if self.u is None else id(self.u))

    def join(self, other: Any) -> Any:
        """The one of higher order."""
        return self if self.order >= other.order else other

    def start(self, like: Tensor) -> State:
        """Zeros."""
        if self.u is not None:
            return (like.new_zeros(len(like), self.u.shape[1]),)
        return tuple(torch.zeros_like(like) for _ in range(self.order + 1))

    def add(self, state: State, block: Block) -> State:
        """One product with u, or one sum a power."""
        e = block.tilted(self.tilt)
        if self.u is not None:
            rows = self.u[block.first_id : block.first_id + e.shape[1]]
            return (state[0] + e @ rows.to(e.dtype),)
        sums = []
        for k, s in enumerate(state):
            sums.append(s + (e if k == 0 else e * block.x**k).sum(-1))
        return tuple(sums)

    def move(self, state: State, rise: Tensor) -> State:
        """The binomial rule."""
        fade = (-self.tilt * rise).exp()
        if self.u is not None:
            return (state[0] * fade[:, None],)
        return tuple(
            fade * sum(comb(k, j) * (-rise) ** (k - j) * state[j] for j in range(k + 1))
            for k in range(len(state))
        )

    def cotangent(self, grads: Sequence[Tensor | None], block: Block) -> Tensor | None:
        """e^{tx} Σ_k g_k (t x^k + k x^{k−1}), or e^{tx} t g·u."""
        e = block.tilted(self.tilt)
        if self.u is not None:
            if grads[0] is None:
                return None
            rows = self.u[block.first_id : block.first_id + e.shape[1]]
            return self.tilt * e * (grads[0] @ rows.to(e.dtype).T)
        inside: Tensor | None = None
        for k, g in enumerate(grads):
            if g is None:
                continue
            slope = self.tilt * block.x**k if k else torch.full_like(block.x, self.tilt)
            if k:
                slope = slope + k * block.x ** (k - 1)
            term = g[:, None] * slope
            inside = term if inside is None else inside + term
        return None if inside is None else e * inside

    def parameter_cotangent(
        self, grads: Sequence[Tensor | None], block: Block
    ) -> tuple[Tensor, ...]:
        """Σ_n e^{tx} g_n, for the block's rows of u."""
        if self.u is None:
            return ()
        e = block.tilted(self.tilt)
        if grads[0] is None:
            return (self.u.new_zeros(e.shape[1], self.u.shape[1]),)
        return ((e.T @ grads[0]).to(self.u.dtype),)
