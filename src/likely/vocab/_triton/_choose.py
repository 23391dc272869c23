"""Sizes of tiles: a few that suit today's cards, the fastest of them found by trying once."""

import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch


@dataclass(frozen=True)
class Tile:
    """How much of a sweep a program holds.

    Args:
        rows: tokens.
        words: words.
        depth: numbers of a state or word that are multiplied at once.
        warps: of 32 threads.
        stages: how many loads are under way.
    """

    rows: int
    words: int
    depth: int
    warps: int
    stages: int

    def sizes(self, widths: Sequence[int]) -> dict[str, Any]:
        """The tile as a kernel's constants.

        Args:
            widths: of everything that is multiplied.

        Returns:
            Names and values.
        """
        return {
            "BN": self.rows,
            "BV": self.words,
            "BD": self.depth,
            "EVEN": all(width % self.depth == 0 for width in widths),
            **constants(),
            **({} if interpreted() else {"num_warps": self.warps, "num_stages": self.stages}),
        }


NARROW = (
    Tile(128, 128, 64, 8, 3),
    Tile(128, 256, 64, 8, 3),
    Tile(256, 128, 64, 8, 3),
    Tile(64, 256, 64, 8, 3),
    Tile(128, 128, 64, 4, 3),
    Tile(64, 128, 64, 4, 4),
    Tile(64, 64, 32, 4, 3),
)
"""For products of 16 bits; the last one always fits."""
WIDE = (Tile(128, 128, 32, 8, 3), Tile(64, 128, 32, 4, 3), Tile(64, 64, 32, 4, 2))
"""For products of 32 bits."""
TINY = (Tile(16, 32, 16, 1, 1),)
"""For the interpreter, where every operation of a tile takes as long however large it is."""


def interpreted() -> bool:
    """Whether kernels are interpreted.

    Returns:
        What TRITON_INTERPRET says.
    """
    return os.environ.get("TRITON_INTERPRET") == "1"


def constants() -> dict[str, Any]:
    """What does not depend on the tile.

    Returns:
        Whether factors are widened after loading, and how float32 is multiplied.
    """
    exact = torch.get_float32_matmul_precision() == "highest"
    return {"UPCAST": interpreted(), "PRECISION": "ieee" if exact else "tf32"}


def candidates(kind: torch.dtype) -> tuple[Tile, ...]:
    """Tiles that may be fast.

    Args:
        kind: of the factors.

    Returns:
        At least one.
    """
    if interpreted():
        return TINY
    return NARROW if kind.itemsize < 4 else WIDE


TRIES = 5
"""So often a tile is timed."""
_FASTEST: dict[Hashable, Tile] = {}


def fastest(key: Hashable, kind: torch.dtype, run: Callable[[Tile], Any]) -> Tile:
    """The tile that a kernel is fastest with, tried once a key.

    Triton's own tuner cannot do this: the sizes of what a kernel writes depend on the tile.

    Args:
        key: what the choice depends on.
        kind: of the factors.
        run: launches the kernel with a tile; it may be called several times.

    Returns:
        The tile.
    """
    every = candidates(kind)
    if len(every) == 1:
        return every[0]
    if key not in _FASTEST:
        _FASTEST[key] = min(every, key=lambda tile: _milliseconds(run, tile))
    return _FASTEST[key]


def _milliseconds(run: Callable[[Tile], Any], tile: Tile) -> float:
    """The shortest of a few launches; Triton's own clock would hold 256 MiB to flush caches."""
    from triton.runtime.errors import OutOfResources

    try:
        run(tile)
    except OutOfResources:
        return float("inf")
    times = []
    for _ in range(TRIES):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        run(tile)
        stop.record()
        stop.synchronize()
        times.append(float(start.elapsed_time(stop)))
    return min(times)


@cache
def processors(device: torch.device) -> int:
    """How many programs a device runs at once: large tiles take a processor each.

    Args:
        device: where.

    Returns:
        Their number; a few where kernels are interpreted.
    """
    if device.type != "cuda":
        return 3
    return torch.cuda.get_device_properties(device).multi_processor_count


def bucket(count: int) -> int:
    """The number of tokens, rounded up to a power of two: similar ones share a choice.

    Args:
        count: N.

    Returns:
        The power.
    """
    return 1 << max(count - 1, 1).bit_length()
