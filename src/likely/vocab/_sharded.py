"""A sweep over a vocabulary that lies in parts on several processes.

Every process sums over its own words, as over tiles that happen to live here; the states merge
inside the operator, and backward differentiates the own words about the final states. What all
processes have alike goes through `shared`, whose backward adds the gradients of all words. What
needs whole rows is a part of its own: there products are gathered, every process has the whole
gradient of rows, and only states and weights get a part of theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from torch import Tensor
from torch.nn.functional import pad

from likely.core.errors import ShapeError, Unsupported
from likely.core.head import Head
from likely.core.stats import Statistic
from likely.core.top_logits import TopLogits
from likely.core.traced import is_traced
from likely.vocab._meeting import gathered_weight, meet
from likely.vocab._plan import Plan
from likely.vocab._ranks import Across, Group, processes, shared, together
from likely.vocab._readers import Role, readers_of
from likely.vocab._shards import Held, held, is_distributed, ordinary
from likely.vocab._spec import SELF, Reader, Spec

Readings = tuple[tuple[Reader, ...], list[Tensor], list[Tensor]]


@dataclass(eq=False)
class Sharded:
    """The tensors of a scan whose head lies in parts.

    Args:
        group: the processes.
        hidden: `[N, D]`.
        head: of the words here.
        targets: ids among all words.
        roles: second readers.
        wishes: what is measured of the model.
        asked: everything that is wanted, also of second readers alone.
    """

    group: Group
    hidden: Tensor
    head: Head
    targets: Tensor
    roles: Mapping[str, Role]
    wishes: Mapping[str, Statistic]
    asked: Mapping[str, Statistic]

    def __post_init__(self) -> None:
        if is_traced(self.hidden):
            raise Unsupported(
                "scan: torch.compile does not record the messages of group=. Call scan outside "
                "of what is compiled, or under torch.compiler.disable."
            )
        lies = processes(self.group)
        self.hidden, self.targets = ordinary("hidden", self.hidden), ordinary(
            "targets", self.targets
        )  # fmt: skip
        self.given = {k: r for k, r in self.roles.items() if not isinstance(r, TopLogits)}
        heads = {SELF: held(lies, "the head", self.head)}
        heads |= {name: held(lies, repr(name), own) for name, (_, own) in self.given.items()}
        found = meet(self.group, self.hidden, self.targets, self.asked, heads)
        self.ranks, self.heads, self.sizes = found
        self.plan = Plan(self.wishes, self.targets)
        self.plan.refuse_stored([k for k, r in self.roles.items() if isinstance(r, TopLogits)])
        for name in self.plan.roles:
            if name in self.given and not self._reaches(name):
                one, parts = self.heads[name], self.sizes[name]
                self.heads[name] = gathered_weight(name, one, parts, self.ranks)
        # What a wish took from the head's own weight.
        self.given_whole = [_full(t) for t in self.plan.given]
        self.plan.rows = [_full(t) for t in self.plan.rows]
        self._share()

    def _reaches(self, name: str) -> bool:
        """Whether every process holds the words of a second reader that it needs."""
        parts = self.sizes[name]
        if self.heads[name].whole:
            return True
        for r, own in enumerate(parts):
            first, start = sum(parts[:r]), self.ranks.starts[r]
            stop = min(start + self.ranks.sizes[r], sum(parts))
            if start < stop and not first <= start <= stop <= first + own:
                return False
        return True

    def _share(self) -> None:
        """Everything that all processes have alike, once for sums over the own words."""
        sum_hidden = not isinstance(self.group, Across) or self.group.sum_hidden
        states = {name: self._states(name) for name in (SELF, *self.given)}
        tensors = {("state", name): t for name, t in states.items() if name or sum_hidden}
        for name, one in self.heads.items():
            tensors |= {(name, k): t for k, t in one.shared().items()}
        tensors |= {("given", str(i)): t for i, t in enumerate(self.given_whole)}
        values = shared(self.ranks.group, list(tensors.values()))
        found = dict(zip(tensors, values, strict=True))
        self.states = {name: found.get(("state", name), t) for name, t in states.items()}
        self.own = {}
        for name, one in self.heads.items():
            self.own[name] = one.with_shared({k: found[name, k] for k in one.shared()})
        self.columns = [found["given", str(i)] for i in range(len(self.given_whole))]
        # Who adds up a gradient that is whole on every process gets it from one of them.
        counts = sum_hidden or self.ranks.rank == 0
        self.outside = dict(states) if counts else {**states, SELF: states[SELF].detach()}

    def _states(self, name: str) -> Tensor:
        found: Tensor = self.hidden
        if name != SELF:
            found = ordinary(f"the states of {name!r}", self.given[name][0])
        return found

    def _read(self, states: Mapping[str, Tensor], heads: Mapping[str, Held]) -> Readings:
        """Readers of the own words, their sources and small tensors."""
        ranks = self.ranks
        at = (ranks.start, ranks.start + ranks.own)
        width, none = max(ranks.own, 1), 0 in ranks.sizes
        own = {}
        for name in (SELF, *(n for n in self.plan.roles if n in self.given)):
            total = heads[name].size if heads[name].whole else sum(self.sizes[name])
            own[name] = heads[name].words(*at, width, none or total < ranks.total)
        roles = {k: r for k, r in self.roles.items() if k not in own}
        roles |= {k: (states[k], head) for k, head in own.items() if k}
        return readers_of(states[SELF], own[SELF], roles, self.plan.roles)

    @cached_property
    def readings(self) -> Readings:
        """Readers of the own words, their sources and small tensors."""
        return self._read(self.states, self.own)

    def of_own_words(self) -> list[Tensor]:
        """Tensors for sums over the own words, in the order of the sweep."""
        _, sources, parts = self.readings
        axes = [axis for one in self.plan.sums for axis in one.axes]
        cut = [self._cut(t) if axis == "column" else t
               for t, axis in zip(self.columns, axes, strict=True)]  # fmt: skip
        return [*sources, self.targets, *parts, *cut]

    def _cut(self, column: Tensor) -> Tensor:
        ranks = self.ranks
        if len(column) != ranks.total:
            raise ShapeError(
                f"scan: a tensor of a wish has {len(column)} rows, and with group= it has one for "
                f"each of all {ranks.total} words, on every process."
            )
        here = column[ranks.start : ranks.start + ranks.own]
        return here if ranks.own else pad(here, (0, 0) * (here.ndim - 1) + (0, 1))

    def of_whole_rows(self) -> list[Tensor]:
        """Tensors for what needs whole rows; gradients of rows are whole there."""
        readers, sources, parts = self.readings
        # The weights of the own words, and numbers by row before they were shared.
        before = {name: replace(one, head=self._unshared(name)) for name, one in self.own.items()}
        _, _, whole = self._read(self.outside, before)
        axes = [axis for reader in readers for _, axis in reader.parts]
        small = [together(self.ranks, own) if axis == "column" else outside
                 for own, outside, axis in zip(parts, whole, axes, strict=True)]  # fmt: skip
        return [*sources, self.targets, *small, *self.given_whole]

    def _unshared(self, name: str) -> Head:
        plain = self.heads[name].head
        own = self.own[name].head
        return replace(own, scale=plain.scale, temperature=plain.temperature)

    def spec(self) -> Spec:
        """The readers of the own words and everything that is summed."""
        return Spec(self.readings[0], self.plan.sums)

    def alone(self, name: str) -> tuple[Tensor, Head] | TopLogits:
        """A second reader for a scan of its own.

        Args:
            name: of the reader.

        Returns:
            Its states and the head of some words, as many on every process as suits; or what was
            stored.
        """
        if name not in self.given:
            stored: Any = self.roles[name]
            return stored  # type: ignore[no-any-return]
        states, head = self.given[name]
        one = self.heads[name]
        if one.whole and name in self.sizes and len(self.sizes[name]) > 1:
            share = -(-one.size // len(self.sizes[name]))
            start = min(self.ranks.rank * share, one.size)
            stop = min(start + share, one.size)
            head = one.words(start, stop, stop - start, False)
        return states, head


def _full(tensor: Any) -> Tensor:
    found: Tensor = tensor.full_tensor() if is_distributed(tensor) else tensor
    return found
