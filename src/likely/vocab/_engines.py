"""Which engine sums what."""

from typing import Literal

import torch
from torch import Tensor

from likely.core.errors import Unsupported
from likely.vocab._spec import Spec
from likely.vocab._way import Way

Backend = Literal["auto", "reference", "chunked", "triton"]
Numbered = tuple[tuple[int, ...], Way]
"""Numbers of accumulators that are swept together, and how."""


def engine_of(device: torch.device) -> Literal["triton", "chunked"]:
    """What suits a device.

    Args:
        device: of the states.

    Returns:
        The name of a backend.
    """
    if device.type != "cuda":
        return "chunked"
    from likely.vocab import _triton

    return "chunked" if _triton.missing(device) else "triton"


def groups_of(
    spec: Spec,
    how: Way,
    tensors: list[Tensor],
    backend: str,
    every: tuple[int, ...] | None = None,
    block: int | None = None,
) -> tuple[Numbered, ...]:
    """Which accumulators run together, and on what.

    Args:
        spec: the sweep.
        how: how it is run.
        tensors: in the order of `spec`.
        backend: `chunked`, or `triton` for what that can sum.
        every: numbers of the accumulators that are meant; all by default.
        block: as for `scan`.

    Returns:
        Numbers and ways.
    """
    every = tuple(range(len(spec.sums))) if every is None else every
    if backend == "chunked":
        return ((every, how),) if every or how.ranks is None else ()
    from likely.vocab import _triton

    missing = _triton.missing(tensors[0].device)
    if missing:
        raise Unsupported(f"scan: backend='triton' {missing}")
    able = tuple(i for i in _triton.supported(spec, how, tensors) if i in every)
    if how.ranks is not None:
        # The target's logit is compared with products of the very same kind.
        able = tuple(i for i in able if not spec.sums[i].reads_target)
    rest = tuple(i for i in every if i not in able)
    split = ((able, _triton.way(how, tensors[0].shape[0], block)), (rest, how))
    return tuple((numbers, way) for numbers, way in split if numbers)
