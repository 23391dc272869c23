"""Which precision is fast on this machine."""

from typing import Literal

Precision = Literal["float32", "bfloat16"]


def fast_precision() -> Precision:
    """bfloat16 where the processor multiplies it in hardware, else float32.

    A property of the processor, not a measurement: two runs on one machine agree.

    Returns:
        A value for `Recipe.precision`.
    """
    import torch

    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    # Not public in torch; where they are missing, float32 is always right.
    asks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    has = any(getattr(torch.cpu, ask, bool)() for ask in asks)
    return "bfloat16" if has else "float32"
