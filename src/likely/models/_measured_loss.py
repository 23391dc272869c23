"""An objective on the states that reached a head: in the sweep where it is separable."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch
from jaxtyping import Float
from torch import Tensor

from likely.core.batch import LOADED, PER_TOKEN, Batch
from likely.core.bind import Bound, Source, Wire, bind
from likely.core.catalogue import catalogue
from likely.core.errors import BadSetting, NotMeasured, Unsupported
from likely.core.head import Head
from likely.core.stats import Statistic
from likely.core.traced import is_traced
from likely.core.vocabulary import Vocabulary
from likely.models._second import TOP, Seconds, compared_with
from likely.models.evaluate import evaluate
from likely.models.reader import Reader
from likely.vocab._ranks import Group
from likely.vocab._readers import at
from likely.vocab._shards import whole
from likely.vocab.fused_loss import fused_loss


@dataclass(frozen=True, eq=False)
class Prepared:
    """An objective with everything that can be known of it before there is a batch.

    `torch.compile` follows what is computed from plain values; signatures and folders it does not.

    Args:
        bound: the objective.
        needs: what it reads.
        unit: the axis of its values.
        columns: what it reads that neither a scan nor the tokens give: columns and `pair`.
        wires: where each name comes from; None where its file declares wishes for each batch.
        separable: whether its values are a function of each token's own statistics, and of what
            its wishes found out of the batch.
    """

    bound: Bound
    needs: tuple[str, ...]
    unit: str
    columns: tuple[str, ...]
    wires: tuple[Wire, ...] | None
    separable: bool

    def __str__(self) -> str:
        return str(self.bound)

    def values(self, given: Mapping[str, Any]) -> Any:
        """Apply the objective."""
        return self.bound.entry(*(given[name] for name in self.needs), **self.bound.settings)


def prepare(objective: str | Bound) -> Prepared:
    """An objective that a loss inside a head can be.

    Args:
        objective: its name with settings, or one that is bound.

    Returns:
        The objective, looked at once.

    Raises:
        BadSetting: it is neither.
        Unsupported: it remembers something from step to step.
    """
    if not isinstance(objective, str | Bound):
        kind = type(objective).__name__
        said = f"It is a {kind}; write a name with settings: 'focal(gamma=2)'."
        raise BadSetting("objective", [said])
    found = bind(objective) if isinstance(objective, str) else objective
    needs = found.needs
    if "state" in needs or hasattr(found.module, "advance"):
        raise Unsupported(
            f"The objective {found.name!r} remembers something from step to step, and only "
            "likely's own loop (likely train) carries that on. Choose one without a memory."
        )
    given = {*PER_TOKEN, *catalogue("vocab.statistics"), "rng"}
    declares = hasattr(found.module, "wants")
    # Names that nobody knows are wishes of an objective that declares some.
    columns = [w.name for w in found.wires() if w.kind in ("field", "role")]
    columns += [role + end for role in compared_with(found) for end in TOP]
    return Prepared(
        bound=found,
        needs=needs,
        unit=found.unit,
        columns=tuple(name for name in columns if name not in given),
        wires=None if declares else found.wires(),
        separable=bool({"separable", "tokenwise"} & found.laws) and "rng" not in needs,
    )


def objective_total(
    objective: Prepared,
    hidden: Float[Tensor, "N D"],
    head: Head,
    batch: Batch,
    rng: torch.Generator | None = None,
    group: Group | None = None,
    vocabulary: Vocabulary | None = None,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Σ weight · value and Σ weight of an objective.

    Args:
        objective: what is measured.
        hidden: states of every position.
        head: what turns them into logits.
        batch: targets, weights and what else the objective reads.
        rng: for objectives that draw.
        group: processes over which the head's words lie, as for `scan`.
        vocabulary: what the ids mean, for objectives that ask.

    Returns:
        The first with its gradient, the second without.

    Raises:
        NotMeasured: the objective reads a second model's column that the batch does not have.
    """
    bound, wires = objective.bound, objective.wires
    seconds = Seconds(batch)
    source = Source(batch, whole(head), vocabulary, read=seconds.read)
    wishes = {} if wires is not None else bound.wants(source)
    wires = bound.wires(tuple(wishes)) if wires is None else wires
    for wire in wires:
        if wire.kind in ("role", "field") and not wire.optional and wire.name not in batch:
            raise NotMeasured(wire.name, batch.names, _remedy(bound, wire))
    if not objective.separable:
        reader = _Scanned(hidden, head, group, vocabulary)
        found = evaluate({"loss": bound}, reader, batch, states={}, rng=rng)
        return found.total("loss")
    known = {name: wish for name, wish in wishes.items() if isinstance(wish, Tensor)}
    wishes = {name: wish for name, wish in wishes.items() if name not in known}
    wishes |= {w.name: Statistic(w.statistic) for w in wires if w.kind == "statistic"}
    given = [w.name for w in wires if w.kind in ("field", "role") and w.name in batch]
    columns = {**known, **{name: batch[name] for name in {*given, "weight"}}}
    return _in_the_sweep(objective, columns, wishes, hidden, head, batch, group, seconds)


def _in_the_sweep(
    objective: Prepared,
    columns: Mapping[str, Tensor],
    wishes: Mapping[str, Statistic],
    hidden: Tensor,
    head: Head,
    batch: Batch,
    group: Group | None,
    seconds: Seconds,
) -> tuple[Tensor, Tensor]:
    """Gradients of separable objectives are added up while the vocabulary is read."""
    targets, roles = batch.target, seconds.roles_of(wishes)
    # A graph with a shape that depends on data would break; all rows are read there.
    if not is_traced(batch.weight) and not bool(batch.weight.all()):
        places = batch.weight.nonzero()[:, 0]
        # One row at least, of weight 0: every process then has a gradient to add up.
        places = places if len(places) else places.new_zeros(1)
        hidden, targets = hidden[places], targets[places]
        columns = {name: column[places] for name, column in columns.items()}
        wishes = {name: wish.at(places) for name, wish in wishes.items()}
        roles = {name: at(role, places) for name, role in roles.items()}

    def values(stats: Mapping[str, Any], columns: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        given = {**stats, **columns}
        found = objective.values({name: given.get(name) for name in objective.needs})
        value, weight = found if isinstance(found, tuple) else (found, columns["weight"])
        return value.masked_fill(weight == 0, 0.0), weight.to(value.dtype)

    fused = fused_loss(
        values, hidden, head, targets, wishes, columns=columns, roles=roles, group=group
    )
    return fused.total, fused.weight


def _remedy(objective: Bound, wire: Wire) -> str:
    if wire.name == "pair":
        return f"{objective.name} compares rows in pairs: give the batch 'pair' [P, 2]."
    if wire.kind == "field":
        return f"{objective.name} reads a column {wire.name!r}: {LOADED[wire.name]}."
    return (
        f"{objective.name} needs what a second model says: give the batch a column {wire.name!r} "
        "of the shape of input_ids, where entry t belongs to the token that comes after t."
    )


class _Scanned(Reader):
    """States that are there already, as the reader that `evaluate` wants."""

    kind = "states"

    def __init__(
        self, states: Tensor, head: Head, group: Group | None, vocabulary: Vocabulary | None
    ) -> None:
        self.given, self.group = (states, head), group
        self.vocabulary: Any = vocabulary

    def hidden(self, batch: Batch) -> tuple[Tensor, Head]:
        return self.given

    def start(self, rows: int) -> NoReturn:
        raise NotImplementedError

    def step(self, state: Any, tokens: Tensor) -> NoReturn:
        raise NotImplementedError

    def save(self, folder: Path) -> NoReturn:
        raise NotImplementedError

    @property
    def parameters_count(self) -> int:
        return 0
