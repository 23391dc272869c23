"""The largest logits, chosen logits, and how many beat the target."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from likely.vocab.moments._accumulator import SELF, Accumulator, Block, State


@dataclass(frozen=True)
class Pick(Accumulator):
    """x of chosen ids, a row of them for each token; of the targets where none are given.

    Args:
        target: whether the id is the target; else ids are given, `[N, C]`.
    """

    target: bool = True
    smooth = False
    width = 2

    @property
    def axes(self) -> Any:  # type: ignore[override]
        """A row of ids a token."""
        return () if self.target else ("row",)

    def _ids(self, block: Block, given: State) -> Tensor:
        return block.targets[:, None] if self.target else given[0]

    def of(self, block: Block, given: State) -> State:
        """What this block holds, and marks where it holds it."""
        column, inside = block.where_is(self._ids(block, given))
        found = block.x().gather(1, column)
        return (torch.where(inside, found, 0.0), inside.to(found.dtype))

    def move(self, state: State, rises: Mapping[str, Tensor]) -> State:
        """X falls where it is known."""
        return (state[0] - rises[SELF][:, None] * state[1], state[1])

    def touched(self, grads: State, state: State, block: Block, given: State) -> Any:
        """The chosen ids."""
        return self._ids(block, given), grads[0]


@dataclass(frozen=True)
class TargetLogit(Accumulator):
    """The target's logit itself: what other logits are compared with has no shift taken off."""

    smooth = False

    def of(self, block: Block, given: State) -> State:
        """0 where another block holds it."""
        column, inside = block.where_is(block.targets[:, None])
        return (torch.where(inside, block.logits[SELF].gather(1, column), 0.0)[:, 0],)


@dataclass(frozen=True)
class Top(Accumulator):
    """The k largest x and their ids, largest first; equal ones in any order.

    Args:
        k: how many.
        wrong: whether the target is left out.
    """

    k: int = 1
    wrong: bool = False
    merging = "own"
    smooth = False
    width = 2

    def of(self, block: Block, given: State) -> State:
        """The block's own; −∞ and id −1 where it has fewer than k."""
        # Whole logits are compared: about the shift, close ones may round to the same number.
        z = block.logits[SELF]
        if self.wrong:
            z = z.masked_fill(block.is_target, -torch.inf)
        if self.k == 1:
            value, place = z.max(-1, keepdim=True)
        else:
            value, place = z.topk(min(self.k, z.shape[1]), dim=-1)
        x = block.x().gather(1, place).masked_fill(value.isneginf(), -torch.inf)
        ids = (place + block.first_id).masked_fill(value.isneginf(), -1)
        missing = self.k - place.shape[1]
        if missing > 0:
            x = torch.nn.functional.pad(x, (0, missing), value=-torch.inf)
            ids = torch.nn.functional.pad(ids, (0, missing), value=-1)
        return (x, ids)

    def move(self, state: State, rises: Mapping[str, Tensor]) -> State:
        """X falls."""
        return (state[0] - rises[SELF][:, None], state[1])

    def merge(self, one: State, other: State) -> State:
        """The largest of both; a single one is, of equal ones, that of the smaller column."""
        if self.k == 1:
            better = other[0] > one[0]
            return (torch.where(better, other[0], one[0]), torch.where(better, other[1], one[1]))
        x = torch.cat([one[0], other[0]], dim=1)
        ids = torch.cat([one[1], other[1]], dim=1)
        best = x.topk(self.k, dim=-1)
        return (best.values, ids.gather(1, best.indices))

    def touched(self, grads: State, state: State, block: Block, given: State) -> Any:
        """The words that were found."""
        return state[1], grads[0]


@dataclass(frozen=True)
class Above(Accumulator):
    """How many words have a logit strictly above the target's; the target itself never counts."""

    reads_target = True
    smooth = False

    def of(self, block: Block, given: State) -> State:
        """A count."""
        return (beaten(block).sum(-1),)


@dataclass(frozen=True)
class MassAbove(Accumulator):
    """Σ eˣ of all words whose logit is strictly above the target's, and of all words."""

    reads_target = True
    width = 2

    def of(self, block: Block, given: State) -> State:
        """Two sums, the first under a mask that has no gradient."""
        e = block.tilted()
        return (torch.where(beaten(block), e, 0.0).sum(-1), e.sum(-1))

    def move(self, state: State, rises: Mapping[str, Tensor]) -> State:
        """As every sum of e^x."""
        fade = (-rises[SELF]).exp()
        return (state[0] * fade, state[1] * fade)


def beaten(block: Block) -> Tensor:
    """Which words have a logit strictly above the target's.

    The target itself never has, in whatever order its own product was summed.

    Args:
        block: the columns.

    Returns:
        True or False, `[n, B]`; no gradient.
    """
    z = block.logits[SELF].detach()
    return (z > block.target_logit.detach()[:, None]) & ~block.is_target
