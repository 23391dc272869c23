"""Hashes of every window of so many bytes, without a loop over bytes."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from likely.data.corpus import Document

_FIRST = np.uint64(0x9E3779B97F4A7C15)
_SECOND = np.uint64(0xC2B2AE3D27D4EB4F)
_SHIFT = np.uint64(29)


def window_hashes(data: NDArray[np.uint8], width: int) -> NDArray[np.uint64]:
    """One 64-bit hash for every `width` bytes that follow each other.

    Built by doubling: the hash of 2w bytes mixes those of its halves, so 64 bytes take six passes.
    Equal windows have equal hashes; of n different windows about n² / 2⁶⁵ pairs agree by chance
    (ten million windows: once in 400,000 corpora).

    Args:
        data: the bytes, `[n]`.
        width: bytes a window.

    Returns:
        `[n − width + 1]`, empty where the data is shorter than a window.
    """
    count = len(data) - width + 1
    if count <= 0:
        return np.zeros(0, np.uint64)
    power = (data.astype(np.uint64) + np.uint64(1)) * _FIRST
    size, done = 1, 0
    whole: NDArray[np.uint64] | None = None
    while True:
        if width & size:
            part = power[done : done + count]
            whole = part.copy() if whole is None else _mix(whole, part)
            done += size
        if done == width:
            assert whole is not None
            return whole
        power = _mix(power[:-size], power[size:])
        size *= 2


def _mix(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = left * _FIRST
    mixed += right
    mixed ^= mixed >> _SHIFT
    mixed *= _SECOND
    mixed ^= mixed >> _SHIFT
    return mixed


def document_windows(
    documents: Sequence[Document], width: int, block: int = 1 << 23
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int32]]]:
    """Hashes of the windows of documents, none across two of them.

    Args:
        documents: what to read.
        width: bytes a window.
        block: about how many bytes to hash at once.

    Yields:
        Hashes in reading order, and the number of the document that each comes from.
    """
    start = 0
    while start < len(documents):
        stop, size, texts = start, 0, []
        while stop < len(documents) and (size < block or stop == start):
            texts.append(documents[stop].data)
            size += len(texts[-1])
            stop += 1
        hashes = window_hashes(np.frombuffer(b"".join(texts), np.uint8), width)
        lengths = np.array([len(text) for text in texts])
        owner = np.repeat(np.arange(start, stop, dtype=np.int32), lengths)
        inside = np.arange(size) + width <= np.repeat(np.cumsum(lengths), lengths)
        inside = inside[: len(hashes)]
        yield hashes[inside], owner[: len(hashes)][inside]
        start = stop
