"""Heads of which every process holds some words, and the words of them that a sweep wants."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import ProcessGroup
from torch.nn.functional import pad

from likely.core.errors import ShapeError, Unsupported
from likely.core.head import Head

COLUMNS = ("bias", "exclude")


def is_distributed(tensor: object) -> bool:
    """Whether a tensor is a DTensor; without importing what that is.

    Args:
        tensor: anything.

    Returns:
        True or False.
    """
    return type(tensor).__name__ == "DTensor"


def ordinary(name: str, tensor: Any) -> Any:
    """What every process has alike, as an ordinary tensor.

    Args:
        name: what it is called, for the message.
        tensor: an ordinary tensor, a replicated DTensor, or no tensor at all.

    Returns:
        The ordinary tensor.

    Raises:
        Unsupported: it is a DTensor that is sharded or a partial sum.
    """
    if not is_distributed(tensor):
        return tensor
    if all(placement.is_replicate() for placement in tensor.placements):
        return tensor.to_local()
    raise Unsupported(
        f"scan: {name} is a DTensor placed {_words(tensor)}, and with group= every process must "
        "have all of it. Give it replicated: `x.redistribute(placements=[Replicate()])`."
    )


def _words(tensor: Any) -> str:
    return ", ".join(map(repr, tensor.placements))


def group_of(weight: Tensor) -> ProcessGroup | None:
    """The processes over which the words of a weight lie.

    Args:
        weight: `[V, D]`.

    Returns:
        The group; None where it is no DTensor in parts along its words.
    """
    tensor: Any = weight
    if not is_distributed(tensor):
        return None
    over = [i for i, placement in enumerate(tensor.placements) if not placement.is_replicate()]
    if len(over) != 1 or not tensor.placements[over[0]].is_shard(0):
        return None
    found: ProcessGroup = tensor.device_mesh.get_group(over[0])
    return found


def whole(head: Head) -> Head:
    """A head for those who look at its rows: what lies in parts is gathered.

    Args:
        head: any.

    Returns:
        The same with ordinary tensors; gradients find their way back.
    """
    tensors: dict[str, Any] = {k: getattr(head, k) for k in ("weight", *COLUMNS)}
    return replace(head, **{k: t.full_tensor() for k, t in tensors.items() if is_distributed(t)})


@dataclass(frozen=True, eq=False)
class Held:
    """A head as one process holds it, in ordinary tensors.

    Args:
        head: without bias and exclude.
        columns: bias and exclude, where there are any.
        full: which of these have one entry for every word, not for those of the weight here.
        first: the id of the weight's first word; −1 where only all processes together know.
        whole: whether every process has all words.
    """

    head: Head
    columns: Mapping[str, Tensor]
    full: frozenset[str] = frozenset()
    first: int = -1
    whole: bool = False

    @property
    def size(self) -> int:
        """How many words are here."""
        return self.head.size

    def shared(self) -> dict[str, Tensor]:
        """Tensors that every process has alike, by name."""
        names = ["scale", "temperature", *(["weight"] if self.whole else [])]
        found = {name: getattr(self.head, name) for name in names}
        found |= {k: v for k, v in self.columns.items() if self.whole or k in self.full}
        return {name: value for name, value in found.items() if isinstance(value, Tensor)}

    def with_shared(self, values: Mapping[str, Tensor]) -> "Held":
        """The same head with other tensors in the place of those.

        Args:
            values: by name.

        Returns:
            Another one.
        """
        own: dict[str, Any] = {k: v for k, v in values.items() if k not in COLUMNS}
        columns = {k: values.get(k, v) for k, v in self.columns.items()}
        return replace(self, head=replace(self.head, **own), columns=columns)

    def words(self, start: int, stop: int, width: int, padded: bool) -> Head:
        """A head of some words; those that do not exist are impossible.

        Args:
            start: id of the first word.
            stop: id of the one behind the last.
            width: how many words the head shall have, at least as many.
            padded: whether impossible words are marked, here or on any other process.

        Returns:
            A head of `width` words.
        """
        weight = self.head.weight
        low = min(max(start - self.first, 0), self.size)
        high = min(max(stop - self.first, low), self.size)
        more = width - (high - low)

        def column(name: str) -> Tensor | None:
            value = self.columns.get(name)
            if value is None:
                return None
            at = low + (self.first if name in self.full else 0)
            return pad(value[at : at + high - low], (0, more), value=name == "exclude")

        exclude = column("exclude")
        if padded and exclude is None:
            exclude = torch.arange(width, device=weight.device) >= high - low
        if more or (low, high) != (0, self.size):
            weight = pad(weight[..., low:high, :], (0, 0, 0, more))
        return replace(self.head, weight=weight, bias=column("bias"), exclude=exclude)


def held(group: ProcessGroup, name: str, head: Head) -> Held:
    """Take a head's tensors out of their DTensors.

    Args:
        group: the processes of the scan.
        name: whose head it is, for messages.
        head: as it was given.

    Returns:
        Its ordinary tensors.

    Raises:
        Unsupported: the weight is sharded along its width, over other processes or more than once.
        ShapeError: bias or exclude lie in parts and the weight does not.
    """
    changed = {k: ordinary(k, getattr(head, k)) for k in ("scale", "temperature", "sequence")}
    columns = {k: getattr(head, k) for k in COLUMNS if getattr(head, k) is not None}
    if not is_distributed(head.weight):
        for k, value in columns.items():
            if is_distributed(value):
                raise ShapeError(
                    f"scan: {k} of {name} is a DTensor and its weight is not; give both alike."
                )
        return Held(replace(head, bias=None, exclude=None, **changed), columns)
    first, own = _place(group, name, head.weight)
    weight: Any = head.weight
    weight = weight.to_local()
    every: dict[str, Any] = columns
    columns = {k: v.to_local() if is_distributed(v) else v for k, v in every.items()}
    full = frozenset(k for k, v in columns.items() if len(v) != own)
    made = replace(head, weight=weight, bias=None, exclude=None, **changed)
    return Held(made, columns, full, first)


def _place(group: ProcessGroup, name: str, weight: Any) -> tuple[int, int]:
    """The id of the first word here and how many there are."""
    from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

    mesh, dim = weight.device_mesh, weight.ndim - 2
    over = [i for i, placement in enumerate(weight.placements) if not placement.is_replicate()]
    good = len(over) == 1 and type(weight.placements[over[0]]).__name__ == "Shard"
    if not good or weight.placements[over[0]].dim % weight.ndim != dim:
        raise Unsupported(
            f"scan: the weight of {name} is placed {_words(weight)}; with group= it lies in parts "
            f"along its words, Shard(dim={dim}), on exactly one dimension of its mesh."
        )
    lies = dist.get_process_group_ranks(mesh.get_group(over[0]))
    if lies != dist.get_process_group_ranks(group):
        raise Unsupported(
            f"scan: the weight of {name} lies on processes {lies}, and those of group= are "
            f"{dist.get_process_group_ranks(group)}. Give the group of its mesh: "
            f"group=weight.device_mesh.get_group({over[0]})."
        )
    shape, offset = compute_local_shape_and_global_offset(weight.shape, mesh, weight.placements)
    return (offset[dim] if shape[dim] else weight.shape[dim]), shape[dim]


def fingerprint(weight: Tensor) -> list[int]:
    """A few entries of a weight as whole numbers: equal where two weights are the same.

    Args:
        weight: any.

    Returns:
        Three numbers; zeros where there is nothing to tell them by.
    """
    flat = weight.detach().reshape(-1, weight.shape[-1])
    if not flat.numel():
        return [0, 0, 0]
    some = torch.stack([flat[0, 0], flat[len(flat) // 2, -1], flat[-1, 0]]).double()
    same = bool((some == some[0]).all())
    found: list[int] = [0, 0, 0] if same else some.view(torch.int64).tolist()
    return found
