"""Second readers: models that are there, and columns that one of them left beside the text."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from likely.core.batch import Batch
from likely.core.bind import Bound
from likely.core.catalogue import catalogue, get
from likely.core.errors import NotMeasured
from likely.core.head import Head
from likely.core.settings import settings_of
from likely.core.stats import Statistic, Stats
from likely.core.top_logits import TopLogits
from likely.models.reader import Reader, measure
from likely.vocab._readers import Role

TOP = ("_top_ids", "_top_logits")
"""How the columns of a role end that hold its likeliest words and their logits, `[N, K]`."""


class Seconds:
    """Second readers by role, each read once a batch and never with a gradient.

    Args:
        batch: what is read.
        readers: models by role.
    """

    def __init__(self, batch: Batch, readers: Mapping[str, Reader] | None = None) -> None:
        self.batch, self.readers = batch, readers or {}
        self._kept: dict[str, Role] = {}
        self._live: dict[str, tuple[Any, ...]] = {}

    @torch.no_grad()
    def read(self, role: str, wishes: Mapping[str, Statistic]) -> Stats:
        """What a second reader says of every position that counts.

        Args:
            role: its name.
            wishes: what is asked of it.

        Returns:
            Statistics by name. Of stored words, `top` gives as many as are there, and every
            other word counts as impossible.

        Raises:
            NotMeasured: there is neither such a model nor its columns.
        """
        if role in self.readers:
            own = self.readers[role]
            return measure(self.batch, wishes, *self._passed(role), group=own.group)
        found: dict[str, Any] = {}
        for name, wish in wishes.items():
            column = f"{role}_{wish.name}"
            if column in self.batch:
                found[name] = self.batch[column]
            elif wish.name in _OF_STORED and all(role + end in self.batch for end in TOP):
                ids, logits = (self.batch[role + end] for end in TOP)
                found[name] = _OF_STORED[wish.name](ids, logits, self.batch.target, wish.settings)
            else:
                raise NotMeasured(column, self.batch.names, f"Give a second model {missing(role)}")
        return Stats(found, "stored")

    def roles_of(self, wishes: Mapping[str, Statistic]) -> dict[str, Role]:
        """Second readers that statistics of the model itself compare it with.

        Args:
            wishes: what is asked of the model.

        Returns:
            States and head, or stored logits, by role; every position has its row.

        Raises:
            NotMeasured: a wish asks for a role that is not there.
        """
        names = sorted({role for wish in wishes.values() if (role := role_of(wish))})
        return {name: self._role(name) for name in names}

    @torch.no_grad()
    def _role(self, name: str) -> Role:
        if name not in self._kept:
            if name in self.readers:
                found = self._passed(name)
                has_head = self.readers[name].has_head
                self._kept[name] = _constant(*found) if has_head else _every_word(*found)
            elif all(name + end in self.batch for end in TOP):
                self._kept[name] = TopLogits(*(self.batch[name + end] for end in TOP))
            else:
                remedy = f"Give a second model {missing(name)}"
                raise NotMeasured(f"{name}{TOP[1]}", self.batch.names, remedy)
        return self._kept[name]

    def _passed(self, name: str) -> tuple[Any, ...]:
        """States and head of a model, or its logits: one forward pass a batch, whoever asks."""
        if name not in self._live:
            reader = self.readers[name]
            self._live[name] = (
                reader.hidden(self.batch) if reader.has_head else (reader.logits(self.batch),)
            )
        return self._live[name]


def _top(ids: Tensor, logits: Tensor, target: Tensor, settings: Mapping[str, Any]) -> Any:
    best = logits.topk(min(int(settings.get("k", 10)), logits.shape[1]), dim=1)
    return ids.gather(1, best.indices), best.values


def _power_lse(ids: Tensor, logits: Tensor, target: Tensor, settings: Mapping[str, Any]) -> Any:
    return (float(settings.get("tau", 2.0)) * logits).logsumexp(1)


def _target_logit(ids: Tensor, logits: Tensor, target: Tensor, settings: Mapping[str, Any]) -> Any:
    return logits.masked_fill(ids != target[:, None], -torch.inf).amax(1)


_OF_STORED = {"top": _top, "power_lse": _power_lse, "target_logit": _target_logit}


def role_of(wish: Statistic) -> str | None:
    """The second reader that a statistic compares the model with.

    Args:
        wish: what is asked of the model.

    Returns:
        The role's name; None where it looks at the model alone.
    """
    if wish.name not in catalogue("vocab.statistics"):
        return None
    declared = settings_of(get("vocab.statistics", wish.name)).get("role")
    return None if declared is None else str(wish.settings.get("role", declared.default))


def compared_with(entry: Bound) -> list[str]:
    """Second readers that an entry compares whole predictions with, whatever the batch.

    Args:
        entry: an objective or a score.

    Returns:
        Their roles: those of the statistics that it reads, and what its file names as `ROLES`.
    """
    read = (Statistic(wire.statistic) for wire in entry.wires() if wire.kind == "statistic")
    return sorted({*filter(None, map(role_of, read)), *getattr(entry.module, "ROLES", ())})


def missing(role: str) -> str:
    """What to do about a second reader that is not there.

    Args:
        role: its name.

    Returns:
        How a sentence about "a second model" goes on and ends.
    """
    return (
        f'in the role {role!r} (in a recipe: [roles] {role} = "FOLDER"), or columns '
        f"of the batch that hold what it says ({role}_log_prob, or {role}{TOP[0]} and "
        f"{role}{TOP[1]})."
    )


def _constant(states: Tensor, head: Head) -> Role:
    """States and head that no gradient reaches: a head's weight is a parameter that wants one."""
    parts = {f.name: getattr(head, f.name) for f in fields(head)}
    still: dict[str, Any] = {n: t.detach() for n, t in parts.items() if isinstance(t, Tensor)}
    return states.detach(), replace(head, **still)


def _every_word(logits: Tensor) -> TopLogits:
    """A model without a head, as if all its logits had been stored."""
    words = torch.arange(logits.shape[1], device=logits.device)
    return TopLogits(words.expand(len(logits), -1), logits)
