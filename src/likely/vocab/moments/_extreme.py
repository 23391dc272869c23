"""The largest logits, and how many beat the target."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from likely.vocab.moments._accumulator import Accumulator, Block, State


class Top(Accumulator):
    """The k largest x and their ids, largest first; equal ones in any order.

    Args:
        k: how many.
    """

    def __init__(self, k: int) -> None:
        self.k = k

    def key(self) -> tuple[Any, ...]:
        """The same k."""
        return ("top", self.k)

    def start(self, like: Tensor) -> State:
        """Nothing yet: −∞, and no id."""
        n = len(like)
        ids = torch.full((n, self.k), -1, dtype=torch.int64, device=like.device)
        return (like.new_full((n, self.k), -torch.inf), ids)

    def add(self, state: State, block: Block) -> State:
        """Merge with the block's own k largest."""
        best = block.x.topk(min(self.k, block.x.shape[1]), dim=-1)
        x = torch.cat([state[0], best.values], dim=1)
        ids = torch.cat([state[1], best.indices + block.first_id], dim=1)
        merged = x.topk(self.k, dim=-1)
        return (merged.values, ids.gather(1, merged.indices))

    def move(self, state: State, rise: Tensor) -> State:
        """X falls."""
        return (state[0] - rise[:, None], state[1])

    def cotangent(self, grads: Sequence[Tensor | None], block: Block) -> Tensor | None:
        """Gradients go back to their words; the scan hands the ids over in `grads[1]`."""
        if grads[0] is None or grads[1] is None:
            return None
        column, inside = block.where_is(grads[1])
        return torch.zeros_like(block.x).scatter_add(1, column, torch.where(inside, grads[0], 0))


class Above(Accumulator):
    """How many words have a logit strictly above the target's; the target itself never counts.

    Needs x of the target, so it runs in a second sweep with the block's `x` about it.
    """

    after = True

    def key(self) -> tuple[Any, ...]:
        """There is one."""
        return ("above",)

    def start(self, like: Tensor) -> State:
        """Zero words."""
        return (torch.zeros(len(like), dtype=torch.int64, device=like.device),)

    def add(self, state: State, block: Block) -> State:
        """Count; `block.x` is z − z_target here."""
        column, inside = block.where_is(block.targets[:, None])
        beats = (block.x > 0).scatter(1, column, (block.x > 0).gather(1, column) & ~inside)
        return (state[0] + beats.sum(-1),)
