"""Count every gram of a text: one sort a length, of what still occurs at least twice."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from likely.data.tokens import Tokens
from likely.models._counts import Counts, Flags, Ints, Level


def stream(tokens: Tokens) -> tuple[Ints, Flags]:
    """Documents end to end, each opened by BOS, and one BOS more.

    Args:
        tokens: the documents.

    Returns:
        The ids, and True where a document opens and at the end.
    """
    bos = tokens.vocabulary.bos
    documents = len(tokens.offsets) - 1
    size = len(tokens.ids) + documents + 1
    opens = np.zeros(size, bool)
    opens[tokens.offsets + np.arange(documents + 1)] = True
    text = np.full(size, bos, np.uint16 if tokens.vocabulary.size <= 1 << 16 else np.uint32)
    text[~opens] = tokens.ids
    return text, opens


def tabulate(tokens: Tokens, order: int, left: bool) -> Counts:
    """Count every gram of 1 to `order` tokens that stays inside a document.

    Args:
        tokens: the training text.
        order: the longest.
        left: also count the different tokens before each gram (Kneser–Ney).

    Returns:
        The counts.
    """
    text, opens = stream(tokens)
    size = tokens.vocabulary.size
    levels = tuple(_levels(text, opens, size, order, left))
    return Counts(size, text, opens, levels)


def _levels(text: Ints, opens: Flags, size: int, order: int, left: bool) -> Iterator[Level]:
    lengths = np.diff(np.flatnonzero(opens))
    place = np.flatnonzero(~opens)
    count = np.bincount(text[place], minlength=size)
    before = (
        _left(text, opens, place, text[place].astype(np.int64), size, 1, size) if left else None
    )
    every = np.arange(size)
    yield Level(
        keys=every.astype(np.uint32),
        link=every.astype(np.int32),
        first=np.array([0, size]),
        count=count.astype(np.uint32),
        left=before,
        seen=np.stack([_four(count), _four(count if before is None else before)]),
    )
    place, parents = np.arange(len(text) - 1), size
    rank = text[:-1].astype(np.int64)
    for length in range(2, order + 1):
        follows = ~opens[place + 1]
        place, rank = place[follows] + 1, rank[follows]
        key, place = _sorted_pairs(rank * size + text[place], place, parents * size)
        starts = np.flatnonzero(np.diff(key, prepend=-1))
        count = np.diff(starts, append=len(key))
        again = count > 1
        link = np.where(again, np.cumsum(again) - 1, -2 - place[starts]).astype(np.int32)
        keys = key[starts]
        first = np.concatenate([[0], np.cumsum(np.bincount(keys // size, minlength=parents))])
        lone = int(np.maximum(lengths - (length - 1), 0).sum()) - len(key)
        rank = np.repeat(link, count).astype(np.int64)
        place, rank = place[rank >= 0], rank[rank >= 0]
        single = lone + int(len(again) - again.sum())
        small = parents * size < 1 << 32
        parents, count = int(again.sum()), count[again]
        before = _left(text, opens, place, rank, parents, length, size) if left else None
        seen = np.stack([_four(count), _four(count if before is None else before)])
        seen[:, 0] += single
        yield Level(
            keys=keys.astype(np.uint32) if small else keys,
            link=link,
            first=first,
            count=count.astype(np.uint32),
            left=before,
            seen=seen,
        )


def _sorted_pairs(key: Ints, place: Ints, bound: int) -> tuple[Ints, Ints]:
    """Keys in order, with their places: as one sort of packed integers where they fit."""
    bits = int(place.max(initial=0)).bit_length()
    if bound.bit_length() + bits > 63:
        by = np.argsort(key, kind="stable")
        return key[by], place[by]
    packed = (key << bits) | place
    packed.sort()
    return packed >> bits, packed & ((1 << bits) - 1)


def _left(
    text: Ints, opens: Flags, place: Ints, rank: Ints, parents: int, length: int, size: int
) -> NDArray[np.uint32]:
    """Different tokens before each ranked gram that ends at `place`."""
    begin = place - (length - 1)
    opening = opens[begin]
    out = np.bincount(rank[opening], minlength=parents)
    pair = rank[~opening] * size + text[begin[~opening] - 1]
    pair.sort()
    pair = pair[np.flatnonzero(np.diff(pair, prepend=-1))]
    out += np.bincount(pair // size, minlength=parents)
    return out.astype(np.uint32)


def _four(count: Ints) -> NDArray[np.int64]:
    """How many are 1, 2, 3 and 4."""
    return np.bincount(np.minimum(count, 5).astype(np.int64), minlength=6)[1:5]
