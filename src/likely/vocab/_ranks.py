"""The processes that hold a vocabulary together, and what they say to each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import ProcessGroup
from torch.distributed.device_mesh import DeviceMesh

from likely.core.errors import Unsupported


@dataclass(frozen=True)
class Across:
    """A group over which a vocabulary lies, and who adds up the gradient of the states.

    Args:
        group: the processes.
        sum_hidden: whether the states' gradient is summed over them here; False where the caller
            does it (a reduce-scatter of sequence parallelism).
        start: the id of the first word here; None where ordinary weights lie in the order of ranks.
    """

    group: ProcessGroup | DeviceMesh
    sum_hidden: bool = True
    start: int | None = None


Group = ProcessGroup | DeviceMesh | Across


def processes(group: Group) -> ProcessGroup:
    """The group of processes that is meant.

    Args:
        group: a group, a mesh of one dimension, or either with a choice.

    Returns:
        The group.

    Raises:
        Unsupported: the mesh has several dimensions.
    """
    group = group.group if isinstance(group, Across) else group
    if not isinstance(group, DeviceMesh):
        return group
    if group.ndim != 1:
        raise Unsupported(
            f"scan: group= is a mesh of {group.ndim} dimensions, and a vocabulary lies along one. "
            "Give that one: group=mesh['tp']."
        )
    found: ProcessGroup = group.get_group()
    return found


@dataclass(frozen=True)
class Ranks:
    """Which words each process holds.

    Args:
        group: the processes.
        rank: this one.
        starts: the id of each one's first word.
        sizes: how many words each one holds.
    """

    group: ProcessGroup
    rank: int
    starts: tuple[int, ...]
    sizes: tuple[int, ...]

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Ranks in the order of their words."""
        return tuple(sorted(range(len(self.sizes)), key=lambda r: (self.starts[r], self.sizes[r])))

    @property
    def total(self) -> int:
        """V: all words."""
        return sum(self.sizes)

    @property
    def start(self) -> int:
        """The id of the first word here."""
        return self.starts[self.rank]

    @property
    def own(self) -> int:
        """How many words are here."""
        return self.sizes[self.rank]

    @property
    def first_id(self) -> int:
        """The id of the first column of a sweep; of the impossible word that stands for none, V."""
        return self.start if self.own else self.total

    def reduce(self, tensors: Sequence[Tensor], how: Any, dtype: torch.dtype) -> list[Tensor]:
        """One all-reduce of many tensors.

        Args:
            tensors: of the same shapes on every process.
            how: of `torch.distributed.ReduceOp`.
            dtype: in which they are reduced.

        Returns:
            The same shapes and dtypes.
        """
        return reduce(self.group, tensors, how, dtype)

    def words(self, here: Tensor, dim: int = -1) -> Tensor:
        """Parts of a tensor, one entry a word along a dimension, put together.

        Args:
            here: the part of this process, `own` long along `dim`.
            dim: the dimension.

        Returns:
            It is V long there.
        """
        moved = here.movedim(dim, 0)
        longest = max(self.sizes)
        padded = moved.new_zeros((longest, *moved.shape[1:]))
        padded[: len(moved)] = moved
        parts = gather(self.group, padded)
        every = [parts[r][: self.sizes[r]] for r in self.order]
        return torch.cat(every).movedim(0, dim)


def reduce(
    group: ProcessGroup, tensors: Sequence[Tensor], how: Any, dtype: torch.dtype
) -> list[Tensor]:
    """One all-reduce of many tensors.

    Args:
        group: the processes.
        tensors: of the same shapes on every one of them.
        how: of `torch.distributed.ReduceOp`.
        dtype: in which they are reduced.

    Returns:
        The same shapes and dtypes.
    """
    if not tensors:
        return []
    packed = torch.cat([t.detach().reshape(-1).to(dtype) for t in tensors])
    if packed.numel():
        dist.all_reduce(packed, how, group)
    parts: Sequence[Tensor] = torch.split(packed, [t.numel() for t in tensors])
    # What comes back shares no memory: a small result must not keep a large one.
    parts = [part.clone() for part in parts] if len(tensors) > 1 else parts
    return [part.view(t.shape).to(t.dtype) for part, t in zip(parts, tensors, strict=True)]


def gather(group: ProcessGroup, here: Tensor) -> list[Tensor]:
    """What every process has.

    Args:
        group: the processes.
        here: of the same shape on every one of them.

    Returns:
        One tensor a process, in the order of their ranks.
    """
    here = here.detach().contiguous()
    plain = here.view(torch.uint8) if here.dtype == torch.bool else here
    found = [torch.empty_like(plain) for _ in range(dist.get_world_size(group))]
    if plain.numel():
        dist.all_gather(found, plain, group)
    return [t.view(here.dtype) for t in found]


class _Summed(torch.autograd.Function):
    """Gradients, added up over the processes."""

    @staticmethod
    def forward(ctx: Any, group: ProcessGroup, *grads: Tensor) -> tuple[Tensor, ...]:
        """One all-reduce; in float32 at least."""
        wide = torch.float64 if any(g.dtype == torch.float64 for g in grads) else torch.float32
        return tuple(reduce(group, grads, dist.ReduceOp.SUM, wide))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        """Refused, as by the sweep itself."""
        raise Unsupported(
            "scan: with group= there is no second derivative. Gather the head, leave group out and "
            "ask for backend='reference', which can be differentiated again."
        )


class _Shared(torch.autograd.Function):
    """Tensors that every process has alike, each of which reads them for its own words only."""

    @staticmethod
    def forward(ctx: Any, group: ProcessGroup, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Nothing happens."""
        ctx.group = group
        ctx.set_materialize_grads(False)
        return tuple(t.view_as(t) for t in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        """One sum over the processes."""
        some = [g for g in grads if g is not None]
        found = iter(_Summed.apply(ctx.group, *some))  # type: ignore[no-untyped-call]
        return (None, *(None if g is None else next(found) for g in grads))


def shared(group: ProcessGroup, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Tensors that every process has alike, for sums over its own words.

    Each one's gradient is that of its own words, until one all-reduce adds them up.

    Args:
        group: the processes.
        tensors: any; those without gradient stay as they are.

    Returns:
        One for each.
    """
    grad = torch.is_grad_enabled()
    wanted = {id(t): t for t in tensors if grad and t.requires_grad}
    if not wanted:
        return list(tensors)
    found = _Shared.apply(group, *wanted.values())  # type: ignore[no-untyped-call]
    by_id = dict(zip(wanted, found, strict=True))
    return [by_id.get(id(t), t) for t in tensors]


class _Together(torch.autograd.Function):
    """A vector's parts, put together; each process reads all and differentiates all alike."""

    @staticmethod
    def forward(ctx: Any, ranks: Ranks, here: Tensor) -> Tensor:
        """One all-gather."""
        ctx.ranks = ranks
        return ranks.words(here)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        """The part that belongs here; the others take theirs."""
        return None, grad.narrow(-1, ctx.ranks.start, ctx.ranks.own)


def together(ranks: Ranks, here: Tensor) -> Tensor:
    """A vector with one entry a word, from its parts.

    Args:
        ranks: who holds which words.
        here: `[…, V_here]`; a part longer than that is cut.

    Returns:
        `[…, V]`; a gradient on it goes back to each process's own part.
    """
    found: Tensor = _Together.apply(ranks, here[..., : ranks.own])  # type: ignore[no-untyped-call]
    return found
