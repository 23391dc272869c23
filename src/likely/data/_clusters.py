"""Which documents repeat each other."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from likely.data._windows import document_windows
from likely.data.corpus import Document

_NEIGHBOURS = 128


def duplicate_clusters(
    documents: Sequence[Document], *, shingle: int, share: float, budget: int = 1 << 24
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """A cluster number for each document, and how much of its cluster stands elsewhere too.

    Two documents are linked where they share more than `share` of the different shingles of the
    one that has fewer; clusters are the connected components. All shingles are compared up to
    `budget` of them; beyond, those whose hash is divisible by the smallest sufficient power of two,
    the same ones in every document, so that the share stays unbiased. A document too short for
    a shingle is one shingle itself. A shingle in more than 128 documents links each of them
    only with the next 128, which keeps the work linear.

    Args:
        documents: what to compare.
        shingle: bytes a shingle.
        share: links documents that share more than this.
        budget: how many shingles to compare at most, about.

    Returns:
        `[M]`: the place of the first document of the cluster. `[M]`: the share of the cluster's
        windows, repeated ones counted as often, that occur in another cluster as well.
    """
    hashes, owner, times = _shingles(documents, shingle, budget)
    size = np.bincount(owner, minlength=len(documents))
    left, right, shared = _shared_counts(hashes, owner, len(documents))
    linked = shared > share * np.minimum(size[left], size[right])
    cluster = _components(left[linked], right[linked], len(documents))
    return cluster, _exposure(hashes, cluster[owner], times, len(documents))[cluster]


def _shingles(
    documents: Sequence[Document], shingle: int, budget: int
) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int64]]:
    """Different shingles of each document, ordered by hash, then by document; how often each."""
    step = 1
    while sum(document.bytes for document in documents) > budget * step:
        step *= 2
    seen = np.zeros(len(documents), bool)
    hashes, owners = [], []
    for found, owner in document_windows(documents, shingle):
        kept = (found & np.uint64(step - 1)) == 0
        hashes.append(found[kept])
        owners.append(owner[kept])
        seen[owners[-1]] = True
    for place in np.flatnonzero(~seen).tolist():
        digest = hashlib.sha256(documents[place].data).digest()
        hashes.append(np.frombuffer(digest[:8], np.uint64))
        owners.append(np.array([place], np.int32))
    every, owner = np.concatenate(hashes), np.concatenate(owners)
    order = np.lexsort((owner, every))
    every, owner = every[order], owner[order]
    fresh = np.ones(len(every), bool)
    fresh[1:] = (every[1:] != every[:-1]) | (owner[1:] != owner[:-1])
    times = np.diff(np.flatnonzero(fresh), append=len(every))
    return every[fresh], owner[fresh], times


def _exposure(
    hashes: NDArray[np.uint64],
    cluster: NDArray[np.int32],
    times: NDArray[np.int64],
    documents: int,
) -> NDArray[np.float64]:
    """Share of the windows of each cluster that another cluster has too."""
    if not len(hashes):
        return np.zeros(documents)
    starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]]))
    several = np.minimum.reduceat(cluster, starts) != np.maximum.reduceat(cluster, starts)
    elsewhere = np.repeat(several, np.diff(starts, append=len(hashes)))
    size = np.bincount(cluster, weights=times, minlength=documents)
    return np.bincount(cluster, weights=times * elsewhere, minlength=documents) / np.maximum(
        size, 1
    )


def _shared_counts(
    hashes: NDArray[np.uint64], owner: NDArray[np.int32], documents: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of documents that share shingles, left < right, and how many they share."""
    pairs, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for lag in range(1, _NEIGHBOURS + 1):
        same = hashes[lag:] == hashes[:-lag]
        if not same.any():
            break
        found = owner[:-lag][same].astype(np.int64) * documents + owner[lag:][same]
        new, many = np.unique(found, return_counts=True)
        pairs, place = np.unique(np.concatenate([pairs, new]), return_inverse=True)
        joined = np.zeros(len(pairs), np.int64)
        np.add.at(joined, place, np.concatenate([counts, many]))
        counts = joined
    return pairs // max(documents, 1), pairs % max(documents, 1), counts


def _components(
    left: NDArray[np.int64], right: NDArray[np.int64], documents: int
) -> NDArray[np.int32]:
    """For each document the first one that links reach."""
    parent = list(range(documents))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return np.array([root(place) for place in range(documents)], np.int32)
