"""How a sweep is run on this machine: which blocks, which products, compiled or not."""

import os
import shutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from likely.vocab._ranks import Ranks

Schedule = Literal["auto", "rows", "tiles"]
Filter = float | Literal["auto"] | None

ROW_BYTES = 2**26
"""How much some tokens' whole rows of logits take: enough tokens for products to be worth it."""

TILE_BYTES = 2**23
"""How much a tile takes where the system does not tell the size of its caches."""

FEWEST_ROWS = 256
"""Fewer tokens in a product waste it: the weight is read once a chunk."""

FEWEST_WORDS = 256
"""Fewer words in a tile waste the products back to states and weight."""

COMPILED_FROM = 2**25
"""From so many logits on, generated kernels are worth the seconds that they take to make."""


@dataclass(frozen=True)
class Way:
    """Choices that change time and memory, and results in the last digit only.

    Args:
        rows: tokens at once in a schedule of rows.
        words: words at once in a schedule of tiles.
        forward: the schedule of the forward sweep.
        backward: the schedule of the sweep that takes gradients.
        sums: the dtype of sums, by name: float32, or float64 where the products would be.
        narrow: the dtype of the products where it is not that of the sums, by name; else empty.
        compiled: whether the elementwise work is compiled.
        filter_eps: blocks of the logits' gradient that are all smaller are taken as 0; None
            for none, `auto` for what suits the dtype of the products and the gradient at hand.
        engine: what runs it.
        first: the id of the first word that is held here.
        ranks: the processes that hold the others; None where all are here.
    """

    rows: int
    words: int
    forward: Literal["rows", "tiles"] = "rows"
    backward: Literal["rows", "tiles"] = "rows"
    sums: str = "float32"
    narrow: str = ""
    compiled: bool = False
    filter_eps: Filter = None
    engine: Literal["chunked", "triton"] = "chunked"
    first: int = 0
    ranks: "Ranks | None" = None


def way(
    count: int,
    size: int,
    *,
    products: torch.dtype,
    device: torch.device,
    block: int | None,
    schedule: Schedule,
    compiled: bool | None,
    whole_rows: bool,
    to_weight: bool,
    filter_eps: Filter = None,
) -> Way:
    """Choose.

    Args:
        count: N.
        size: V.
        products: the dtype that the products would have in plain torch.
        device: where.
        block: logits held at once; None for what the caches hold.
        schedule: rows, tiles, or what suits the gradients.
        compiled: whether to compile; None where there is a compiler and enough to do.
        whole_rows: whether a statistic needs whole rows.
        to_weight: whether the weight wants a gradient that is only known after the sweep.
        filter_eps: see `Way`.

    Returns:
        The choices.
    """
    rows = max(1 if block else FEWEST_ROWS, (block or ROW_BYTES // 4) // max(size, 1))
    words = max(1 if block else FEWEST_WORDS, (block or _tile_bytes() // 4) // max(count, 1))
    forward: Literal["rows", "tiles"] = "tiles"
    backward: Literal["rows", "tiles"] = "tiles" if to_weight else "rows"
    if schedule != "auto":
        forward = backward = schedule
    if whole_rows:
        forward = backward = "rows"
    if compiled is None:
        compiled = count * size >= COMPILED_FROM and can_compile()
    narrow = _name(products) if _is_native(products, device) else ""
    sums = _name(torch.promote_types(products, torch.float32))
    return Way(
        min(rows, max(count, 1)),
        min(words, max(size, 1)),
        forward,
        backward,
        sums,
        narrow,
        compiled,
        filter_eps,
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def emulated(products: torch.dtype, device: torch.device) -> bool:
    """Whether products of this dtype are slower than in float32 here, and are taken so.

    Args:
        products: the dtype they would have in plain torch.
        device: where.

    Returns:
        True for 16 bits on a processor without such instructions.
    """
    return products.itemsize < 4 and not _is_native(products, device)


def _is_native(products: torch.dtype, device: torch.device) -> bool:
    """Whether a narrow product is faster than the same in float32."""
    if products.itemsize >= 4:
        return False
    if device.type != "cpu":
        return True
    # Without such instructions torch emulates them, six to sixty times slower than float32.
    name = {torch.bfloat16: "_is_mkldnn_bf16_supported", torch.float16: "_is_mkldnn_fp16_supported"}
    known = getattr(torch.ops.mkldnn, name.get(products, ""), None)
    return bool(known and known())


@cache
def _tile_bytes() -> int:
    """Half of the last cache, as the system tells its size, within 4 and 16 MiB.

    A tile is written by one product, read by the elementwise work, and read by two products more.
    """
    try:
        last = os.sysconf("SC_LEVEL3_CACHE_SIZE")
    except (ValueError, OSError, AttributeError):
        last = 0
    return TILE_BYTES if last <= 0 else min(max(last // 2, TILE_BYTES // 2), 2 * TILE_BYTES)


@cache
def can_compile() -> bool:
    """Whether generated kernels can be built here: a C++ compiler is on the path.

    Returns:
        True or False; `LIKELY_COMPILE=0` in the environment says no.
    """
    if os.environ.get("LIKELY_COMPILE", "1") == "0":
        return False
    named = os.environ.get("CXX")
    return any(shutil.which(name) for name in ([named] if named else ["g++", "clang++"]))
