"""An objective on the states that reached a head: in the sweep where it is separable."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from jaxtyping import Float
from torch import Tensor

from likely.core.batch import Batch
from likely.core.bind import Bound, Source, Wire, bind
from likely.core.errors import BadSetting, NotMeasured, Unsupported
from likely.core.head import Head
from likely.core.stats import Statistic
from likely.models.evaluate import evaluate
from likely.models.reader import Reader
from likely.vocab.fused_loss import fused_loss


def bound_objective(objective: str | Bound) -> Bound:
    """An objective that a loss inside a head can be.

    Args:
        objective: its name with settings, or one that is bound.

    Returns:
        The bound entry.

    Raises:
        BadSetting: it is neither.
        Unsupported: it remembers something from step to step.
    """
    if not isinstance(objective, str | Bound):
        kind = type(objective).__name__
        said = f"It is a {kind}; write a name with settings: 'focal(gamma=2)'."
        raise BadSetting("objective", [said])
    found = bind(objective) if isinstance(objective, str) else objective
    if "state" in found.needs or hasattr(found.module, "advance"):
        raise Unsupported(
            f"The objective {found.name!r} remembers something from step to step, and only "
            "likely's own loop (likely train) carries that on. Choose one without a memory."
        )
    return found


def objective_total(
    objective: Bound,
    hidden: Float[Tensor, "N D"],
    head: Head,
    batch: Batch,
    rng: torch.Generator | None = None,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Σ weight · value and Σ weight of an objective.

    Args:
        objective: what is measured.
        hidden: states of every position.
        head: what turns them into logits.
        batch: targets, weights and what else the objective reads.
        rng: for objectives that draw.

    Returns:
        The first with its gradient, the second without.

    Raises:
        NotMeasured: the objective reads a second model's column that the batch does not have.
    """
    wishes = objective.wants(Source(batch, head))
    wires = objective.wires(tuple(wishes))
    for wire in wires:
        if wire.kind in ("role", "field") and wire.name not in batch:
            raise NotMeasured(wire.name, batch.names, _remedy(objective, wire))
    if "separable" not in getattr(objective.module, "LAWS", ()) or _draws(wires):
        found = evaluate({"loss": objective}, _Scanned(hidden, head), batch, states={}, rng=rng)
        return found.total("loss")
    wishes |= {w.name: Statistic(w.statistic) for w in wires if w.kind == "statistic"}
    return _in_the_sweep(objective, wires, wishes, hidden, head, batch)


def _draws(wires: tuple[Wire, ...]) -> bool:
    return any(wire.kind == "rng" for wire in wires)


def _in_the_sweep(
    objective: Bound,
    wires: tuple[Wire, ...],
    wishes: Mapping[str, Statistic],
    hidden: Tensor,
    head: Head,
    batch: Batch,
) -> tuple[Tensor, Tensor]:
    """Gradients of separable objectives are added up while the vocabulary is read."""
    given = [wire.name for wire in wires if wire.kind in ("field", "role")]
    columns = {name: batch[name] for name in {*given, "weight"}}
    targets = batch.target
    # A graph with a shape that depends on data would break; all rows are read there.
    if not torch.compiler.is_compiling() and not bool(batch.weight.all()):
        places = batch.weight.nonzero()[:, 0]
        # One row at least, of weight 0: every process then has a gradient to add up.
        places = places if len(places) else places.new_zeros(1)
        hidden, targets = hidden[places], targets[places]
        columns = {name: column[places] for name, column in columns.items()}
        wishes = {name: wish.at(places) for name, wish in wishes.items()}

    def values(stats: Mapping[str, Any], columns: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        found = objective({w.name: (columns if w.name in given else stats)[w.name] for w in wires})
        value, weight = found if isinstance(found, tuple) else (found, columns["weight"])
        return value.masked_fill(weight == 0, 0.0), weight.to(value.dtype)

    fused = fused_loss(values, hidden, head, targets, wishes, columns=columns)
    return fused.total, fused.weight


def _remedy(objective: Bound, wire: Wire) -> str:
    if wire.name == "pair":
        return f"{objective.name} compares rows in pairs: give the batch 'pair' [P, 2]."
    return (
        f"{objective.name} needs what a second model says: give the batch a column {wire.name!r} "
        "of the shape of input_ids, where entry t belongs to the token that comes after t."
    )


class _Scanned(Reader):
    """States that are there already, as the reader that `evaluate` wants."""

    kind = "states"
    vocabulary: Any = None

    def __init__(self, states: Tensor, head: Head) -> None:
        self.given = (states, head)

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
