"""The elementwise work of a sweep, as functions that can be compiled."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from likely.vocab._differentiate import vjp
from likely.vocab._spec import Spec

Flat = tuple[Tensor, ...]


@lru_cache(maxsize=256)
def forward(spec: Spec, compiled: bool) -> Callable[..., tuple[Flat, Flat]]:
    """Products of a block → shifts and flat states.

    Args:
        spec: what is summed.
        compiled: whether to compile it.

    Returns:
        `(products, small, first_id) → (shifts, states)`.
    """

    def run(products: Flat, small: Flat, first_id: int) -> tuple[Flat, Flat]:
        shifts, states = spec.evaluate(products, small, first_id)
        return tuple(shifts), tuple(part for state in states for part in state)

    return _compile(run) if compiled else run


@lru_cache(maxsize=256)
def backward(
    spec: Spec,
    only: tuple[int, ...],
    wanted: tuple[int, ...],
    small_wanted: tuple[int, ...],
    compiled: bool,
) -> Callable[..., Flat]:
    """Products of a block and gradients on the final states → gradients on products.

    Args:
        spec: what was summed.
        only: accumulators with a gradient, all smooth.
        wanted: readers whose products want one; each is written over its products.
        small_wanted: small tensors that want one.
        compiled: whether to compile it.

    Returns:
        `(products, small, first_id, shifts, wholes, grads) → gradients on small tensors`; wholes
        and grads are flat states of `only`.
    """

    def run(
        products: Flat, small: Flat, first_id: int, shifts: Flat, wholes: Flat, grads: Flat
    ) -> Flat:
        def states(*leaves: Tensor) -> Flat:
            some = _put(products, wanted, leaves[: len(wanted)])
            others = _put(small, small_wanted, leaves[len(wanted) :])
            _, found = spec.evaluate(some, others, first_id, shifts, only)
            return tuple(part for state in found for part in state)

        leaves = [products[i] for i in wanted] + [small[i] for i in small_wanted]
        # A compiler reads torch.func; eager code must also run below autograd.
        if compiled:
            parts, pull = torch.func.vjp(states, *leaves)  # type: ignore[misc]
        else:
            parts, pull, _ = vjp(states, *leaves)
        found = pull(_weighed(spec, only, parts, wholes, grads))
        for i, draw in zip(wanted, found, strict=False):
            products[i].copy_(draw)
        return tuple(found[len(wanted) :])

    return _compile(run) if compiled else run


def _weighed(spec: Spec, only: Sequence[int], parts: Flat, wholes: Flat, grads: Flat) -> Flat:
    found: list[Tensor] = []
    at = 0
    for i in only:
        one = spec.sums[i]
        width = one.width
        here = slice(at, at + width)
        found += one.weigh(grads[here], parts[here], wholes[here])
        at += width
    return tuple(found)


def _put(values: Sequence[Tensor], places: Sequence[int], leaves: Sequence[Tensor]) -> list[Tensor]:
    changed = list(values)
    for place, leaf in zip(places, leaves, strict=True):
        changed[place] = leaf
    return changed


@lru_cache(maxsize=1)
def _add_kernel() -> Callable[[Tensor, Tensor], Any]:
    def run(total: Tensor, more: Tensor) -> None:
        total.add_(more)

    kernel: Callable[[Tensor, Tensor], Any] = _compile(run)
    return kernel


def add(total: Tensor, more: Tensor, compiled: bool) -> None:
    """Add a narrow tensor to a wide one: compiled, ten times faster than torch's own on CPU.

    Args:
        total: added to in place.
        more: what is added.
        compiled: whether to compile.
    """
    if compiled and total.dtype != more.dtype:
        _add_kernel()(total, more)
    else:
        total.add_(more)


def _compile(run: Any) -> Any:
    # Dynamo counts its recompilations by code object: each kernel gets one of its own.
    own = FunctionType(run.__code__.replace(), run.__globals__, run.__name__, None, run.__closure__)
    return torch.compile(own, dynamic=True)
