"""Counts of every token sequence up to some length, in sorted arrays: a trie stored by level.

A gram's key is `rank of its context · V + last token`, so the continuations of a context are
neighbours. A context that occurs once is not tabulated further: it is a place in the training
text, and what follows there is its only continuation. In a *state* (one integer a gram) such a
place is written `−2 − place`, a tabulated gram by its rank, and a gram that never occurs as −1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[Any]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Level:
    """The grams of one length whose context occurs at least twice.

    Args:
        keys: rank of the context · V + last token, increasing.
        link: state of each gram: its rank where it occurs twice or more, else its place.
        first: where the keys of each context begin, and the end: one entry a rank and one more.
        count: occurrences by rank.
        left: how many different tokens stand before a gram, by rank; a gram that opens a document
            counts once each time. None where it was not asked for.
        seen: how many grams of this length occur 1, 2, 3, 4 times: by `count`, then by `left`.
    """

    keys: Ints
    link: NDArray[np.int32]
    first: NDArray[np.int64]
    count: NDArray[np.uint32]
    left: NDArray[np.uint32] | None
    seen: NDArray[np.int64]

    def count_of(self, state: Ints, left: bool = False) -> NDArray[np.int64]:
        """Occurrences of grams, or of different tokens before them.

        Args:
            state: states of grams of this length.
            left: count the different tokens before a gram instead.

        Returns:
            One number a state, 0 for −1.
        """
        out = (state < -1).astype(np.int64)
        ranked = state >= 0
        values = self.left if left else self.count
        assert values is not None
        out[ranked] = values[state[ranked]]
        return out


@dataclass(frozen=True, eq=False)
class Counts:
    """Levels 1, 2, … of the trie and the text that single grams point into.

    Args:
        size: V.
        text: training documents, each opened by BOS, and one BOS more.
        opens: True where a document opens, and at the end.
        levels: one a length; level 1 has every token as its rank.
    """

    size: int
    text: Ints
    opens: Flags
    levels: tuple[Level, ...]

    def descend(self, length: int, state: Ints, token: Ints) -> NDArray[np.int32]:
        """States of grams one token longer.

        Args:
            length: of the longer grams, from 1.
            state: states of their contexts; anything where `length` is 1.
            token: their last tokens.

        Returns:
            One state a gram.
        """
        if length == 1:
            return token.astype(np.int32)
        level = self.levels[length - 1]
        out = np.full(len(state), -1, np.int32)
        at = np.flatnonzero(state >= 0)
        if len(at) and len(level.keys):
            query = state[at].astype(np.int64) * self.size + token[at]
            near = level.keys.searchsorted(query.astype(level.keys.dtype))
            near = np.minimum(near, len(level.keys) - 1)
            out[at] = np.where(level.keys[near] == query, level.link[near], -1)
        at = np.flatnonzero(state < -1)
        after = -1 - state[at]
        goes_on = (self.text[after] == token[at]) & ~self.opens[after]
        out[at[goes_on]] = -2 - after[goes_on]
        return out

    def children(self, length: int, state: Ints) -> tuple[Ints, Ints, Ints]:
        """Everything that follows each of some contexts.

        Args:
            length: of the contexts, from 0.
            state: their states, distinct.

        Returns:
            `owner, token, link`: place of the context in `state` (increasing), the token
            (increasing within an owner) and the state of the longer gram.
        """
        level = self.levels[length]
        ranked = state >= 0
        begin, end = np.zeros((2, len(state)), np.int64)
        begin[ranked], end[ranked] = level.first[state[ranked]], level.first[state[ranked] + 1]
        after = np.where(state < -1, -1 - state, len(self.text) - 1)
        single = ~self.opens[after]
        width = np.where(ranked, end - begin, single)
        owner = np.repeat(np.arange(len(state), dtype=np.int32), width)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(width) - width, width)
        at = begin[owner] + within
        tabulated = ranked[owner]
        token = self.text[after[owner]].astype(np.int64)
        link = (-2 - after[owner]).astype(np.int32)
        place = at[tabulated]
        token[tabulated] = level.keys[place] % self.size
        link[tabulated] = level.link[place]
        return owner, token, link


def to_arrays(counts: Counts) -> dict[str, Ints]:
    """Counts as named arrays that can be stored.

    Args:
        counts: what to store.

    Returns:
        Plain arrays by name; `from_arrays` reads them.
    """
    out = {"text": counts.text, "documents": np.flatnonzero(counts.opens)}
    for length, level in enumerate(counts.levels, start=1):
        for name in ("keys", "link", "first", "count", "left", "seen"):
            if getattr(level, name) is not None:
                out[f"{length}.{name}"] = np.ascontiguousarray(getattr(level, name))
    return out


def from_arrays(size: int, arrays: Mapping[str, Ints]) -> Counts:
    """Counts that `to_arrays` took apart.

    Args:
        size: V.
        arrays: what it returned.

    Returns:
        Equal counts.
    """
    opens = np.zeros(len(arrays["text"]), bool)
    opens[arrays["documents"]] = True
    levels: list[Level] = []
    while (at := f"{len(levels) + 1}.") + "keys" in arrays:
        levels.append(
            Level(
                keys=arrays[at + "keys"],
                link=arrays[at + "link"],
                first=arrays[at + "first"],
                count=arrays[at + "count"],
                left=arrays.get(at + "left"),
                seen=arrays[at + "seen"],
            )
        )
    return Counts(size, arrays["text"], opens, tuple(levels))
