"""What needs whole rows: functions of normalised probabilities, of two readers, of the user."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from likely.vocab.moments._accumulator import SELF, Accumulator, Block, State


@dataclass(frozen=True)
class ColumnSums(Accumulator):
    """Σ_n w_n p_{n,v}: one number a word; the weights are given, `[N]`."""

    axes = ("row",)
    whole_rows = True
    per_word = True

    def of(self, block: Block, given: State) -> State:
        """A product of the weights with p."""
        p = block.log_p().exp()
        return ((given[0].to(p.dtype)[:, None] * p).sum(0),)


@dataclass(frozen=True)
class Between(Accumulator):
    """Σ_v f(log p_v, log q_v) for the model's p and a second reader's q.

    Args:
        f: maps two tensors of log-probabilities, element by element.
        reader: the second reader.
    """

    f: Callable[[Tensor, Tensor], Tensor]
    reader: str = "teacher"
    whole_rows = True
    fades = False

    def of(self, block: Block, given: State) -> State:
        """One sum."""
        return (self.f(block.log_p(), block.log_p(self.reader)).sum(-1),)


@dataclass(frozen=True)
class TopBetween(Accumulator):
    """KL(q‖p) on the k likeliest words of a second reader, and the rest as one word.

    Args:
        k: how many words.
        rest: whether the rest counts as one more word; else both are renormalised on the k.
        reader: the second reader.
    """

    k: int
    rest: bool = True
    reader: str = "teacher"
    whole_rows = True

    def of(self, block: Block, given: State) -> State:
        """A short sum over the k words."""
        best = block.x(self.reader).topk(min(self.k, block.ids.shape[0]), dim=-1)
        log_q = block.log_p(self.reader).gather(1, best.indices)
        log_p = block.log_p().gather(1, best.indices)
        if not self.rest:
            log_q, log_p = log_q.log_softmax(-1), log_p.log_softmax(-1)
        total = (log_q.exp() * (log_q - log_p)).sum(-1)
        if self.rest:
            q = _rest_of(block.log_p(self.reader), best.indices)
            p = _rest_of(block.log_p(), best.indices)
            total = total + torch.where(q > LOG_NOTHING, q.exp() * (q - p), 0.0)
        return (total,)


LOG_NOTHING = -1e5


def _rest_of(log_p: Tensor, ids: Tensor) -> Tensor:
    """Log Σ p over the words that are not among the ids."""
    left = log_p.scatter(1, ids, 10 * LOG_NOTHING)
    return left.logsumexp(-1)


@dataclass(frozen=True)
class Row(Accumulator):
    """Any function of whole rows of logits.

    Args:
        f: logits `[n, V]` and targets `[n]` → one value a token, `[n]` or `[n, …]`, or several.
        width: how many it returns.
    """

    f: Callable[[Tensor, Tensor], Any]
    width: int = 1
    whole_rows = True
    fades = False

    def of(self, block: Block, given: State) -> State:
        """What f returns."""
        found = self.f(block.logits[SELF], block.targets)
        return found if isinstance(found, tuple) else (found,)
