"""A sweep's tensors as kernels want them: products in one dtype, small tensors packed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from likely.vocab._spec import Spec
from likely.vocab._way import Way
from likely.vocab.moments._tilted import LowRank


@dataclass(frozen=True, eq=False)
class Factors:
    """Two matrices whose rows are multiplied, and where their gradients go.

    Args:
        left: one row a token, `[N, D]`.
        right: one row a word, `[V, D]`.
        places: numbers of the two among the sweep's tensors.
    """

    left: Tensor
    right: Tensor
    places: tuple[int, int]


class Problem:
    """A sweep's tensors.

    Args:
        spec: what is summed.
        way: how.
        tensors: in the fixed order.
    """

    def __init__(self, spec: Spec, way: Way, tensors: Sequence[Tensor]) -> None:
        self.spec, self.way, self.tensors = spec, way, list(tensors)
        self.first = 2 * len(spec.readers)
        self.small = [_packed(t) for t in tensors[self.first :]]
        self.count, self.size = len(tensors[0]), tensors[1].shape[0]
        self.factors = self._factors()

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """How many entries a token or a word has in each small tensor."""
        return tuple(t.shape[1] if t.ndim == 2 else 1 for t in self.small)

    def _factors(self) -> list[Factors]:
        kind = product_dtype(self.way, *self.tensors[:2])
        found = []
        for i in range(len(self.spec.readers)):
            left, right = self.tensors[2 * i : 2 * i + 2]
            found.append(Factors(_rows(left, kind), _rows(right, kind), (2 * i, 2 * i + 1)))
        at = self.first + 1 + sum(len(reader.parts) for reader in self.spec.readers)
        for one in self.spec.sums:
            if isinstance(one, LowRank):
                a, b = self.tensors[at : at + 2]
                own = product_dtype(Way(1, 1), a, b)
                found.append(Factors(_rows(a, own), _rows(b, own), (at, at + 1)))
            at += len(one.axes)
        return found

    def arguments(self, names: Sequence[str], rows: slice = slice(None)) -> dict[str, Any]:
        """What a kernel is given, by name.

        Args:
            names: that it asks for; others than factors and small tensors are left out.
            rows: some of the tokens.

        Returns:
            Tensors and numbers.
        """
        found: dict[str, Any] = {}
        for i, factors in enumerate(self.factors):
            found |= {
                f"left{i}": factors.left[rows],
                f"right{i}": factors.right,
                f"width{i}": factors.left.shape[1],
                f"left_stride{i}": factors.left.stride(0),
                f"right_stride{i}": factors.right.stride(0),
            }
        for i, (tensor, axis) in enumerate(zip(self.small, self.spec.axes, strict=True)):
            found[f"t{i}"] = tensor[rows] if axis == "row" else tensor
        return {name: found[name] for name in names if name in found}


def product_dtype(way: Way, left: Tensor, right: Tensor) -> torch.dtype:
    """The dtype of a product's factors.

    Args:
        way: names a narrow one where the machine has products in it.
        left: one factor.
        right: the other.

    Returns:
        A dtype of 16 or 32 bits.
    """
    if way.narrow:
        kind: torch.dtype = getattr(torch, way.narrow)
        return kind
    found = torch.promote_types(left.dtype, right.dtype)
    return found if found.itemsize < 8 else torch.float32


def _rows(tensor: Tensor, kind: torch.dtype) -> Tensor:
    tensor = tensor.detach().to(kind)
    return tensor if tensor.stride(1) == 1 else tensor.contiguous()


def _packed(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    if tensor.dtype == torch.bool:
        tensor = tensor.to(torch.uint8)
    elif tensor.is_floating_point():
        tensor = tensor.to(torch.float32)
    else:
        tensor = tensor.to(torch.int64)
    return tensor.contiguous()
