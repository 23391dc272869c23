"""Logits of chosen words."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from likely.vocab.moments._accumulator import Accumulator, Block, State


class Pick(Accumulator):
    """x of chosen ids, a row of them for each token; of the targets where none are given.

    Args:
        ids: words, `[N, C]`; None for the target alone.
    """

    def __init__(self, ids: Tensor | None = None) -> None:
        self.ids = ids

    def key(self) -> tuple[Any, ...]:
        """The very same ids."""
        return ("pick", None if self.ids is None else id(self.ids))

    def _ids(self, block: Block) -> Tensor:
        return block.targets[:, None] if self.ids is None else self.ids

    def start(self, like: Tensor) -> State:
        """Zeros: every id lies in exactly one block."""
        columns = 1 if self.ids is None else self.ids.shape[1]
        return (like.new_zeros(len(like), columns), like.new_zeros(len(like), columns))

    def add(self, state: State, block: Block) -> State:
        """Fill in what this block holds; the second part marks what is filled."""
        column, inside = block.where_is(self._ids(block))
        found = block.x.gather(1, column)
        return (state[0] + torch.where(inside, found, 0), state[1] + inside.to(found.dtype))

    def move(self, state: State, rise: Tensor) -> State:
        """X falls where it is known."""
        return (state[0] - rise[:, None] * state[1], state[1])

    def cotangent(self, grads: Sequence[Tensor | None], block: Block) -> Tensor | None:
        """Gradients go back to their words."""
        if grads[0] is None:
            return None
        column, inside = block.where_is(self._ids(block))
        return torch.zeros_like(block.x).scatter_add(1, column, torch.where(inside, grads[0], 0))
