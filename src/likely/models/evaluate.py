"""Run entries of any room on what one scan measured: one pass, however many read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from likely.core.batch import LOADED, Batch
from likely.core.bind import Bound, Source, Wire
from likely.core.errors import NotMeasured, ShapeError
from likely.core.stats import Statistic, Stats, Want, as_wishes
from likely.models._second import Seconds, missing
from likely.models.reader import Reader, measure
from likely.vocab._shards import whole


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What entries returned for one batch.

    Args:
        values: one value a unit (token, sequence, pair), by entry.
        weight: how much each value counts, by entry.
        stats: everything that was measured, `also` too.
    """

    values: Mapping[str, Tensor]
    weight: Mapping[str, Tensor]
    stats: Stats

    def total(self, name: str) -> tuple[Tensor, Tensor]:
        """Σ weight · value and Σ weight of one entry.

        Args:
            name: the entry, as named in `evaluate`.

        Returns:
            Two scalars: the first carries the gradient, the second is what it is divided by.
        """
        weight = self.weight[name].detach()
        # A value that does not count must not count as NaN either.
        counted = self.values[name].masked_fill(weight == 0, 0.0)
        return (self.weight[name] * counted).sum(), weight.sum()


def evaluate(
    entries: Mapping[str, Bound],
    reader: Reader,
    batch: Batch,
    *,
    also: Want = (),
    roles: Mapping[str, Reader] | None = None,
    states: Mapping[str, Any] | None = None,
    rng: torch.Generator | None = None,
) -> Evaluation:
    """Measure the union of what the entries read, once, and apply each of them.

    Args:
        entries: objectives or scores, by any name.
        reader: the model.
        batch: what it reads.
        also: statistics wanted besides.
        roles: second readers (`reference`, `teacher`); read without gradient.
        states: memory of the entries that keep one, by their name here.
        rng: source of randomness for the entries that draw.

    Returns:
        Values, weights and statistics.

    Raises:
        NotMeasured: an entry reads a role that is neither given nor a column of the batch.
        ShapeError: an entry returned something that has not its unit's length.
    """
    states, roles = states or {}, roles or {}
    states_and_head = reader.hidden(batch) if reader.has_head else None
    head = states_and_head[1] if states_and_head else None
    if head is not None and any(hasattr(entry.module, "wants") for entry in entries.values()):
        head = whole(head)
    wishes = as_wishes(also)
    second: dict[str, dict[str, Statistic]] = {}
    wired: dict[str, tuple[Wire, ...]] = {}
    known: dict[str, Tensor] = {}
    seconds = Seconds(batch, roles)
    for name, entry in entries.items():
        source = Source(batch, head, reader.vocabulary, states.get(name), seconds.read)
        aliases = entry.wants(source)
        known |= {f"{name}/{a}": t for a, t in aliases.items() if isinstance(t, Tensor)}
        wishes |= {f"{name}/{a}": w for a, w in aliases.items() if isinstance(w, Statistic)}
        wired[name] = entry.wires(tuple(aliases))
        for wire in wired[name]:
            if wire.kind == "statistic":
                wishes[wire.name] = Statistic(wire.statistic)
            elif wire.kind not in ("field", "role") or wire.name in batch:
                continue
            elif wire.kind == "role" and wire.role in roles:
                second.setdefault(wire.role, {})[wire.statistic] = Statistic(wire.statistic)
            elif not wire.optional:
                raise NotMeasured(wire.name, [*batch.names, *wishes], remedy(entry, wire))
    others = {role: seconds.read(role, wants) for role, wants in second.items()}
    compared = seconds.roles_of(wishes)
    if states_and_head:
        measured = measure(batch, wishes, *states_and_head, group=reader.group, roles=compared)
    else:
        measured = measure(batch, wishes, reader.logits(batch), roles=compared)
    stats = Stats({**measured, **known}, measured.backend, measured.sweeps)
    values, weight = {}, {}
    for name, entry in entries.items():
        given = {w.name: _look_up(w, name, batch, stats, others, states, rng) for w in wired[name]}
        values[name], weight[name] = _split(entry, entry(given), batch)
    return Evaluation(values, weight, stats)


def remedy(entry: Bound, wire: Wire) -> str:
    """What to do about something that an entry reads and nobody gave.

    Args:
        entry: who reads it.
        wire: what it reads.

    Returns:
        A sentence.
    """
    if wire.name == "pair":
        return f"{entry.name} compares segments in pairs: give a batch with pair [P, 2]."
    if wire.kind == "field":
        return f"{entry.name} reads a column {wire.name!r} of the batch: {LOADED[wire.name]}."
    return f"{entry.name} needs a second model {missing(wire.role)}"


def _look_up(
    wire: Wire,
    entry: str,
    batch: Batch,
    stats: Stats,
    others: Mapping[str, Stats],
    states: Mapping[str, Any],
    rng: torch.Generator | None,
) -> Any:
    if wire.kind in ("field", "role"):
        if wire.name in batch:
            return batch[wire.name]
        return others[wire.role][wire.statistic] if wire.role in others else None
    if wire.kind == "rng":
        return rng
    if wire.kind == "state":
        return states[entry]
    name = f"{entry}/{wire.name}" if wire.kind == "alias" else wire.name
    return None if wire.optional and name not in stats else stats[name]


def _split(entry: Bound, returned: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Values and weights; tokens count as the batch says, and everything else counts once."""
    values, weight = returned if isinstance(returned, tuple) else (returned, None)
    pairs = 0 if batch.pair is None else len(batch.pair)
    expected = {"N": len(batch), "S": batch.segments, "P": pairs}.get(entry.unit, len(values))
    if len(values) != expected:
        raise ShapeError(
            f"{entry}: it says it returns one value a unit {entry.unit!r}, which is {expected} "
            f"for this batch, and it returned {len(values)}."
        )
    if weight is None:
        weight = batch.weight if entry.unit == "N" else torch.ones_like(values)
    return values, weight.to(values.dtype)
