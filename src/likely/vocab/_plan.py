"""From wishes to accumulators, and back from their sums to statistics."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from likely.core.catalogue import get, module_of, needs
from likely.core.errors import UnknownName, Unsupported
from likely.core.settings import check, settings_of
from likely.core.stats import Statistic
from likely.vocab.moments._accumulator import SELF, Accumulator, Moment, State
from likely.vocab.moments._names import PLAIN

SHIFTS = ("shift", "other_shift")
"""Read by name like moments: the largest logit of the model, and of the reader in `role`."""


@dataclass(frozen=True, eq=False)
class _Reading:
    """How one statistic is read off the sums."""

    entry: Callable[..., Any]
    moments: Mapping[str, tuple[int, Moment]]
    role: str
    rows: tuple[str, ...]
    settings: Mapping[str, Any]


class Plan:
    """What must be summed for a set of wishes; nothing is summed twice.

    Args:
        wishes: statistics by the name they shall have.
        targets: `[N]`; a statistic with a setting `row` that is not given numbers its tokens.

    Raises:
        UnknownName: no statistic has this name, or one reads a moment that does not exist.
        BadSetting: a wish with other settings than its statistic takes.
    """

    def __init__(self, wishes: Mapping[str, Statistic], targets: Tensor | None = None) -> None:
        self._targets = targets
        self._sums: list[Accumulator] = []
        self._given: list[tuple[Tensor, ...]] = []
        self.rows: list[Tensor] = []
        """Tensors with a row a token that the statistics themselves read."""
        self._readings = {name: self._reading(wish) for name, wish in wishes.items()}

    @property
    def sums(self) -> tuple[Accumulator, ...]:
        """What is accumulated."""
        return tuple(self._sums)

    @property
    def given(self) -> list[Tensor]:
        """The accumulators' tensors, in order."""
        return [tensor for each in self._given for tensor in each]

    @property
    def roles(self) -> tuple[str, ...]:
        """Second readers that are measured together with the model."""
        return tuple(sorted({reading.role for reading in self._readings.values()} - {SELF}))

    def _reading(self, wish: Statistic) -> _Reading:
        entry = get("vocab.statistics", wish.name)
        wish = self._numbered(entry, wish)
        settings = check(f"Statistic {wish.name!r}", entry, {**wish.rows, **wish.settings})
        declare = getattr(module_of("vocab.statistics", wish.name), "wants", None)
        moments: dict[str, Moment] = declare(**settings) if declare else {}
        for name in needs(entry):
            if name not in SHIFTS and name not in moments:
                if name not in PLAIN:
                    raise UnknownName(f"moment that {wish.name!r} could read", name, PLAIN)
                moments[name] = PLAIN[name]
        placed = {name: (self._place(moment), moment) for name, moment in moments.items()}
        self.rows += wish.rows.values()
        rest = {k: v for k, v in settings.items() if k not in wish.rows}
        role = settings.get("role", SELF)
        return _Reading(entry, placed, role, tuple(wish.rows), rest)

    def _numbered(self, entry: Callable[..., Any], wish: Statistic) -> Statistic:
        """The wish with numbers of its tokens, where its statistic takes them and has none."""
        named = {**wish.rows, **wish.settings}
        if self._targets is None or "row" not in settings_of(entry) or "row" in named:
            return wish
        row = torch.arange(len(self._targets), device=self._targets.device)
        return Statistic(wish.name, {**wish.rows, "row": row}, wish.settings)

    def refuse_stored(self, stored: Collection[str]) -> None:
        """Refuse what would be infinite against a reader of which only some logits were stored.

        Args:
            stored: names of such readers.

        Raises:
            Unsupported: a statistic says of itself (`infinite`) that it would be.
        """
        for reading in self._readings.values():
            name = reading.entry.__name__
            why = getattr(module_of("vocab.statistics", name), "infinite", None)
            said = why(**reading.settings) if why and reading.role in stored else ""
            if said:
                raise Unsupported(
                    f"{name}: against the stored logits of {reading.role!r} {said}. Give the "
                    "reader's states and head, or measure jsd or forward_kl."
                )

    def _place(self, moment: Moment) -> int:
        """The number of an accumulator that serves this moment."""
        for i, (one, given) in enumerate(zip(self._sums, self._given, strict=True)):
            same = len(given) == len(moment.given) and all(
                a is b for a, b in zip(given, moment.given, strict=True)
            )
            joined = one.join(moment.accumulator) if same else None
            if joined is not None:
                self._sums[i] = joined
                return i
        self._sums.append(moment.accumulator)
        self._given.append(moment.given)
        return len(self._sums) - 1

    def finish(
        self, shifts: Mapping[str, Tensor], states: Sequence[State], rows: Sequence[Tensor]
    ) -> dict[str, Any]:
        """Evaluate the statistics.

        Args:
            shifts: the largest logits, `[N]` a reader by name.
            states: final states, in the order of `sums`.
            rows: `self.rows`, or the same rows of them as of the states.

        Returns:
            Statistics by name.
        """
        values = {}
        left = list(rows)
        for name, reading in self._readings.items():
            read = {k: moment.read(states[i]) for k, (i, moment) in reading.moments.items()}
            read["shift"] = shifts[SELF].detach()
            read["other_shift"] = shifts[reading.role].detach()
            arguments = [read[k] for k in needs(reading.entry)]
            own, left = left[: len(reading.rows)], left[len(reading.rows) :]
            by_row = dict(zip(reading.rows, own, strict=True))
            values[name] = reading.entry(*arguments, **by_row, **reading.settings)
        return values


def without_closed(
    wishes: Mapping[str, Statistic], hidden: Tensor, head: Any
) -> tuple[dict[str, Statistic], dict[str, Tensor]]:
    """Statistics that need no sweep for this head, and the wishes that are left.

    Args:
        wishes: statistics by name.
        hidden: `[N, D]`.
        head: what turns states into logits.

    Returns:
        Wishes for the sweep, and values by name.
    """
    values: dict[str, Tensor] = {}
    for name, wish in wishes.items():
        closed = getattr(module_of("vocab.statistics", wish.name), "closed", None)
        found = closed(hidden, head) if closed else None
        if found is not None:
            values[name] = found
    return {name: wish for name, wish in wishes.items() if name not in values}, values
