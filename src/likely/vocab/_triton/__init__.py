"""The backend whose logits never leave a tile: fused Triton kernels, forward and backward.

A sweep's two kernels are written for its accumulators (`_source`; a few lines each, see `_terms`)
and compiled by Triton. Forward keeps running states; programs share the vocabulary and their states
merge by the accumulators' own rules. Backward computes a tile again, writes its gradient on the
products once, whatever was asked for, and takes two products from there (`_products`).
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec

import torch
from torch import Tensor

from likely.vocab._parts import readers_of
from likely.vocab._spec import Spec
from likely.vocab._way import Way


def missing(device: torch.device) -> str:
    """What keeps Triton kernels from running on a device.

    Args:
        device: of the states.

    Returns:
        A sentence that begins with a verb; empty where they run.
    """
    if find_spec("triton") is None:
        return "needs the package triton, which is not installed: `pip install triton`."
    if device.type == "cuda" or os.environ.get("TRITON_INTERPRET") == "1":
        return ""
    return (
        f"runs on a GPU, and the states lie on '{device.type}'. Move them there, or set "
        "TRITON_INTERPRET=1 before Python starts to run its kernels slowly on a CPU."
    )


DRAW_BYTES = 56 * 2**20
"""How much the gradient on the products of a block of words takes."""
MOST_ROWS = 2**14
"""So many tokens are taken at once: fewer words in a block would waste its products."""


def way(how: Way, count: int, block: int | None) -> Way:
    """How a sweep is run here.

    Args:
        how: how it would be run by blocks of logits.
        count: N.
        block: gradients on logits held at once; None for what suits a GPU.

    Returns:
        The same with this engine, and its blocks: of words for all tokens, unless these are many.
    """
    rows = min(count, MOST_ROWS)
    held = DRAW_BYTES // (2 if how.narrow else 4) if block is None else block
    words = max(held // rows, 1 if block else 256)
    return replace(how, engine="triton", rows=rows, words=words)


def supported(spec: Spec, way: Way, tensors: Sequence[Tensor]) -> tuple[int, ...]:
    """Which accumulators a kernel can sum.

    Args:
        spec: the sweep.
        way: how it would be run.
        tensors: in the order of `spec`.

    Returns:
        Their numbers.
    """
    from likely.vocab._triton._terms import fits

    if way.sums != "float32" or any(reader.table for reader in spec.readers):
        return ()
    products = {reader.name for reader in spec.readers if reader.source == "product"}
    at = 2 * len(spec.readers) + 1 + sum(len(reader.parts) for reader in spec.readers)
    found = []
    for i, one in enumerate(spec.sums):
        given = tensors[at : at + len(one.axes)]
        at += len(one.axes)
        if readers_of(one) <= products and fits(one, given):
            found.append(i)
    return tuple(found)


def forward(spec: Spec, way: Way, tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Sum over the vocabulary.

    Args:
        spec: what.
        way: how.
        tensors: of what, in the fixed order.

    Returns:
        Shifts and flat states.
    """
    from likely.vocab._triton import _forward
    from likely.vocab._triton._problem import Problem

    with _as_given(tensors[0]):
        shifts, states = _forward.forward(Problem(spec, way, tensors))
    return shifts, [_own(part) for state in states for part in state]


def _own(part: Tensor) -> Tensor:
    # An operator's outputs must not share memory, and some parts are views of one buffer.
    alone = part.untyped_storage().nbytes() == part.numel() * part.element_size()
    return part.contiguous() if alone else part.clone(memory_format=torch.contiguous_format)


def backward(
    spec: Spec,
    way: Way,
    tensors: Sequence[Tensor],
    shifts: Sequence[Tensor],
    states: Sequence[Tensor],
    grads: Sequence[Tensor | None],
    needs: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients on the tensors; the logits are computed again.

    Args:
        spec: what was summed.
        way: how.
        tensors: of what.
        shifts: final ones.
        states: final ones, flat.
        grads: gradients on the states; None for zero.
        needs: which tensors want a gradient.

    Returns:
        One gradient a tensor, None where none was wanted.
    """
    from likely.vocab._triton import _backward
    from likely.vocab._triton._problem import Problem

    with _as_given(tensors[0]):
        return _backward.backward(Problem(spec, way, tensors), shifts, states, grads, needs)


@contextmanager
def _as_given(tensor: Tensor) -> Iterator[None]:
    """On the device of a tensor, where Triton launches, and in the dtypes that were chosen."""
    # −1 leaves the current device as it is.
    on_device = torch.cuda.device(tensor.device if tensor.is_cuda else -1)
    with on_device, torch.autocast(tensor.device.type, enabled=False):
        yield
