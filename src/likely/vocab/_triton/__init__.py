"""The backend whose logits never leave a tile: fused Triton kernels, forward and backward."""

import os
from collections.abc import Sequence
from importlib.util import find_spec

import torch
from torch import Tensor

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


def supported(spec: Spec, way: Way, tensors: Sequence[Tensor]) -> tuple[int, ...]:
    """Which accumulators a kernel can sum.

    Args:
        spec: the sweep.
        way: how it would be run.
        tensors: in the order of `spec`.

    Returns:
        Their numbers.
    """
    del spec, way, tensors
    return ()
