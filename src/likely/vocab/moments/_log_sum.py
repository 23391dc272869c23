"""log Σ e^(…) about a shift of its own: parts of the vocabulary, and mixtures of two readers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from likely.vocab.moments._accumulator import LOWEST, SELF, Accumulator, Block, State


def log_sum_exp(x: Tensor) -> Tensor:
    """Log Σ eˣ over the last axis; −∞ (and no gradient) where every x is −∞ or `LOWEST`.

    Args:
        x: exponents, `[n, B]`.

    Returns:
        `[n]`.
    """
    largest = x.detach().amax(-1, keepdim=True)
    base = largest.where(largest > LOWEST / 2, torch.zeros_like(largest))
    total = (x - base).exp_().sum(-1)
    tiny = torch.finfo(total.dtype).tiny
    found = total.clamp_min(tiny).log() + base[:, 0]
    return torch.where(total > 0, found, -torch.inf)


class LogSum(Accumulator):
    """Its state is log Σ e^(exponents), absolute where `exponents` are about shifts."""

    merging = "log_sum"

    def exponents(self, block: Block, given: State) -> Tensor:
        """What is raised, `[n, B]`.

        Args:
            block: the columns.
            given: the tensors of `axes`.

        Returns:
            Exponents about the block's shifts; −∞ for words left out.
        """
        raise AssertionError

    def of(self, block: Block, given: State) -> State:
        """One number a token."""
        return (log_sum_exp(self.exponents(block, given)),)

    def move(self, state: State, rises: Mapping[str, Tensor]) -> State:
        """It falls as x does."""
        return (state[0] - rises[SELF],)

    def merge(self, one: State, other: State) -> State:
        """log(e^a + e^b)."""
        return (torch.logaddexp(one[0], other[0]),)

    def weigh(self, grads: State, part: State, whole: State) -> State:
        """The block's share of the sum."""
        return (grads[0] * _share(part[0], whole[0]),)


@dataclass(frozen=True)
class Rest(LogSum):
    """log Σ eˣ over all words but the target, or but some: safe where these hold almost all mass.

    Args:
        what: `target`, `ids` (given, `[N, C]`, negative ones ignored) or `mask` (given, `[V]`: the
            words that stay).
    """

    what: Literal["target", "ids", "mask"] = "target"

    FEW = 16

    @property
    def axes(self) -> tuple[Literal["row", "column"], ...]:  # type: ignore[override]
        """Ids have a row a token, a mask one entry a word."""
        return {"target": (), "ids": ("row",), "mask": ("column",)}[self.what]  # type: ignore[return-value]

    def exponents(self, block: Block, given: State) -> Tensor:
        """X where the words stay."""
        x = block.x()
        if self.what == "target":
            gone = block.is_target
        elif self.what == "mask":
            gone = ~given[0][None, :].bool().expand_as(x)
        elif given[0].shape[1] <= self.FEW:
            gone = torch.zeros_like(x, dtype=torch.bool)
            for j in range(given[0].shape[1]):
                gone = gone | (block.ids == given[0][:, j : j + 1])
        else:
            column, inside = block.where_is(given[0])
            # Ids of other blocks are marked in a column of their own, which is cut off.
            spare = torch.where(inside, column, x.shape[1])
            none = torch.zeros(len(x), x.shape[1] + 1, dtype=torch.bool, device=x.device)
            gone = none.scatter(1, spare, True)[:, :-1]
        return x.masked_fill(gone, -torch.inf)


@dataclass(frozen=True)
class Mixture(LogSum):
    """log Σ e^{a·x + b·t}, t those of a second reader.

    Args:
        a: power of the model.
        b: power of the second reader.
        reader: its name.
    """

    a: float = 0.5
    b: float = 0.5
    reader: str = "teacher"

    def exponents(self, block: Block, given: State) -> Tensor:
        """A x + b t; words that one of them excludes are left out, unless that raises them."""
        gone = block.logits[SELF].isneginf()
        if self.b > 0:
            gone = gone | block.logits[self.reader].isneginf()
        mixed = self.a * block.x() + self.b * block.x(self.reader)
        return mixed.masked_fill(gone, -torch.inf)

    def move(self, state: State, rises: Mapping[str, Tensor]) -> State:
        """Both fall."""
        return (state[0] - self.a * rises[SELF] - self.b * rises[self.reader],)


@dataclass(frozen=True)
class SubsetColumns(Accumulator):
    """log Σ eˣ and Σ p_v u_v / Σ p_v over the words of a mask; mask `[V]` and u `[V, K]` are given.

    The log-sum is beside the means so that blocks can be merged, however unlikely their words are.
    """

    axes = ("column", "column")
    merging = "own"
    width = 2

    def of(self, block: Block, given: State) -> State:
        """A softmax over the block's words, then a product."""
        mask, u = given
        x = block.x().masked_fill(~mask.bool(), -torch.inf)
        largest = x.detach().amax(-1, keepdim=True)
        base = largest.where(largest > LOWEST / 2, torch.zeros_like(largest))
        e = (x - base).exp()
        total = e.sum(-1, keepdim=True)
        some = total.clamp_min(torch.finfo(total.dtype).tiny)
        log_sum = torch.where(total > 0, some.log() + base, -torch.inf)
        return (log_sum[:, 0], e @ u.to(e.dtype) / some)

    def move(self, state: State, rises: Mapping[str, Tensor]) -> State:
        """The log-sum falls as x does."""
        return (state[0] - rises[SELF], state[1])

    def merge(self, one: State, other: State) -> State:
        """Means weighed by their shares."""
        log_sum = torch.logaddexp(one[0], other[0])
        a, b = (_share(part, log_sum)[:, None] for part in (one[0], other[0]))
        return (log_sum, a * one[1] + b * other[1])

    def weigh(self, grads: State, part: State, whole: State) -> State:
        """The block's share, of its mean and of what moves the shares themselves."""
        share = _share(part[0], whole[0])
        tilt = (grads[1] * (part[1] - whole[1])).sum(-1)
        return ((grads[0] + tilt) * share, grads[1] * share[:, None])


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """e^{part − whole}; 0 where there is nothing at all."""
    return torch.where(whole.isfinite(), (part - whole).exp(), 0.0)
