"""What every door of the scan does first: check, plan, choose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from likely.core.errors import ShapeError
from likely.core.head import Head
from likely.core.stats import Want, as_wishes
from likely.core.top_logits import TopLogits
from likely.core.traced import is_traced
from likely.vocab._engines import Backend, Numbered, engine_of, groups_of
from likely.vocab._plan import Plan, without_closed
from likely.vocab._readers import Role, readers_of
from likely.vocab._second_readers import alone, by_role
from likely.vocab._spec import Spec
from likely.vocab._way import Filter, Schedule, Way, emulated, way

if TYPE_CHECKING:
    from likely.vocab._ranks import Group


HOLD_BYTES = 2**26
"""`auto` holds the logits where they take no more than this: bytes and characters always do."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A sweep, ready to run.

    Args:
        spec: what is summed.
        way: how.
        plan: reads statistics off the sums.
        tensors: in the order of `spec`.
        backend: what runs, for people to read.
        known: statistics that need no sweep.
        groups: numbers of the accumulators that are swept together, and how; empty for `reference`.
        whole_rows: the same of those that need whole rows, where the head lies in parts.
        gathered: tensors for these.
    """

    spec: Spec
    way: Way
    plan: Plan
    tensors: list[Tensor]
    backend: str
    known: dict[str, Any]
    groups: tuple[Numbered, ...] = ()
    whole_rows: Numbered | None = None
    gathered: Sequence[Tensor] = ()

    @property
    def target_first(self) -> bool:
        """Whether the target's logit is found before the sweep: another process may hold it."""
        numbers = (i for some, way in self.groups if way.ranks is not None for i in some)
        return any(self.spec.sums[i].reads_target for i in numbers)

    @property
    def sweeps(self) -> int:
        """How often the vocabulary is read."""
        return max(1, len(self.groups) + self.target_first + (self.whole_rows is not None))


def prepare(
    hidden: Tensor,
    head: Head,
    targets: Tensor,
    want: Want,
    roles: Mapping[str, Role],
    *,
    backend: Backend,
    block: int | None,
    schedule: Schedule,
    compiled: bool | None,
    filter_eps: Filter,
    fused: bool = False,
    group: "Group | None" = None,
) -> Prepared:
    """Check the tensors, plan the sums, choose backend and blocks.

    Args:
        hidden: as for `scan`.
        head: as for `scan`.
        targets: as for `scan`.
        want: as for `scan`.
        roles: as for `scan`.
        backend: as for `scan`.
        block: as for `scan`.
        schedule: as for `scan`.
        compiled: as for `scan`.
        filter_eps: as for `scan`.
        fused: whether the loss is known in the sweep.
        group: as for `scan`.

    Returns:
        The sweep.
    """
    if group is not None:
        from likely.vocab._over_ranks import prepare_over

        if fused:  # Nothing is known before other processes have told their sums.
            schedule = "auto"
        return prepare_over(
            group,
            hidden,
            head,
            targets,
            as_wishes(want),
            roles,
            backend,
            {"block": block, "schedule": schedule, "compiled": compiled, "filter_eps": filter_eps},
        )
    _check(hidden, head, targets)
    own, others = by_role(as_wishes(want), roles)
    own, known = (own, {}) if fused else without_closed(own, hidden, head)
    plan = Plan(own, targets)
    plan.refuse_stored([k for k, role in roles.items() if isinstance(role, TopLogits)])
    readers, sources, parts = readers_of(hidden, head, roles, plan.roles)
    spec = Spec(readers, plan.sums)
    tensors = [*sources, targets, *parts, *plan.given]
    products = product_dtype(hidden, head.weight)
    if backend == "auto":
        small = 4 * len(hidden) * head.size <= HOLD_BYTES
        held = small and not emulated(products, hidden.device) and filter_eps is None
        backend = "reference" if held else engine_of(hidden.device)
    if backend == "triton" and not len(hidden):
        backend = "chunked"
    how = way(
        len(hidden),
        head.size,
        products=products,
        device=hidden.device,
        block=block,
        schedule=schedule,
        compiled=compiled,
        whole_rows=spec.whole_rows or fused,
        to_weight=wants_weight(spec, tensors, len(sources), head),
        filter_eps=filter_eps,
    )
    for role, wishes in others.items():
        known |= alone(roles[role], targets, wishes, head.size, backend, block)
    groups = () if backend == "reference" else groups_of(spec, how, tensors, backend, block=block)
    names = dict.fromkeys(way.engine for _, way in groups)
    return Prepared(spec, how, plan, tensors, " + ".join(names) or backend, known, groups)


def wants_weight(spec: Spec, tensors: list[Tensor], first: int, head: Head) -> bool:
    """Whether anything with a row a word wants a gradient.

    Args:
        spec: the sweep.
        tensors: in the order of `spec`.
        first: the number of the first small one.
        head: the model's.

    Returns:
        True or False.
    """
    if not torch.is_grad_enabled():
        return False
    small = zip(tensors[first:], spec.axes, strict=True)
    return head.weight.requires_grad or any(
        t.requires_grad and axis == "column" for t, axis in small
    )


def product_dtype(hidden: Tensor, weight: Tensor) -> torch.dtype:
    """The dtype that plain torch would take the product in.

    Args:
        hidden: states.
        weight: of the head.

    Returns:
        The dtype; that of autocast where it is on.
    """
    kind = hidden.device.type
    if torch.is_autocast_enabled(kind):
        return torch.get_autocast_dtype(kind)
    return torch.promote_types(hidden.dtype, weight.dtype)


def _check(hidden: Tensor, head: Head, targets: Tensor) -> None:
    if head.weight.numel() == 0 or type(head.weight).__name__ == "DTensor":
        raise ShapeError(
            "scan: the head's weight is empty or sharded over processes (a DTensor). Where each of "
            "them holds some words and all read the same tokens, name them: "
            "scan(..., group=...). Where FSDP or DeepSpeed sharded a model and every process reads "
            "tokens of its own, the loss is taken inside the head's own forward, in which its "
            "weight is whole: likely.train.patch(model), or likely.models.lm_loss(model, batch)."
        )
    if hidden.shape[1] != head.weight.shape[-1]:
        raise ShapeError(
            f"scan: hidden states are {hidden.shape[1]} wide and the head reads "
            f"{head.weight.shape[-1]}: they do not belong together."
        )
    check_targets(len(hidden), head.size, targets)
    if is_traced(targets):
        return
    if head.exclude is not None and len(targets) and bool(head.exclude[targets].any()):
        row = int(head.exclude[targets].nonzero()[0, 0])
        raise ShapeError(
            f"scan: the target of row {row} is word {int(targets[row])}, which the head excludes. "
            "Give that row weight 0, or do not exclude the word."
        )


def check_targets(rows: int, size: int, targets: Tensor) -> None:
    """Every row has a target, and every target is a word.

    Args:
        rows: N.
        size: V.
        targets: `[N]`.

    Raises:
        ShapeError: where that is not so.
    """
    if len(targets) != rows:
        raise ShapeError(f"scan: {rows} rows and {len(targets)} targets; each row needs one.")
    if is_traced(targets):
        return
    if rows and not 0 <= int(targets.min()) <= int(targets.max()) < size:
        bad = int(((targets < 0) | (targets >= size)).nonzero()[0, 0])
        raise ShapeError(
            f"scan: the target of row {bad} is {int(targets[bad])}, and words are numbered 0 to "
            f"{size - 1}. Rows to be ignored get weight 0 in a Batch, not −100 as target."
        )
