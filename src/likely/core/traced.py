"""Whether a computation is being recorded, so that values cannot be looked at."""

import torch
from torch import Tensor


def is_traced(tensor: Tensor) -> bool:
    """Whether a tensor stands for one of a graph that `torch.compile` or export records.

    Args:
        tensor: any.

    Returns:
        True where it has a shape and no values yet.
    """
    if torch.compiler.is_compiling():
        return True
    return torch._guards.detect_fake_mode([tensor]) is not None
