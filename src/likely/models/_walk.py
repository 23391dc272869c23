"""A text looked up in the counts: for every place, which contexts were seen and what followed.

Contexts that occur at several places are kept once, as a *row*; all sums over the vocabulary run
over rows and over what followed them, never over places times words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likely.models._counts import Counts, Flags, Ints

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known of some contexts of one length.

    Args:
        total: how often they went on, one number a context.
        types: how many different tokens followed once, twice, more often: `[3, contexts]`.
    """

    total: Reals
    types: Reals


@dataclass(frozen=True, eq=False)
class Step:
    """All contexts of one length that a text contains and the counts know.

    Args:
        row: which context stands at each place; −1 for one that was never seen.
        suffix: the row, one step shorter, of each context without its oldest token.
        owner: the row of each continuation, increasing.
        token: the continuation itself, increasing within its row.
        count: occurrences of context and continuation.
        left: different tokens before them; None where that was not counted.
        hit: occurrences of context and target at each place; None without targets.
        hit_left: the same of the different tokens before them.
    """

    row: NDArray[np.int32]
    suffix: NDArray[np.int32]
    owner: Ints
    token: Ints
    count: Ints
    left: Ints | None
    hit: Ints | None
    hit_left: Ints | None

    def seen(self, left: bool) -> Seen:
        """Totals and types by row.

        Args:
            left: of the numbers of different tokens before, not of occurrences.

        Returns:
            One entry a row.
        """
        count, rows = self.counts(left), len(self.suffix)
        total = np.bincount(self.owner, count, minlength=rows).astype(np.float64)
        types = [
            np.bincount(self.owner[which], minlength=rows)
            for which in (count == 1, count == 2, count > 2)
        ]
        return Seen(total, np.array(types, np.float64))

    def counts(self, left: bool) -> Ints:
        """One number a continuation: occurrences, or different tokens before."""
        if not left:
            return self.count
        assert self.left is not None
        return self.left

    def hits(self, left: bool) -> Ints:
        """One number a place: occurrences of the target, or different tokens before."""
        out = self.hit_left if left else self.hit
        assert out is not None
        return out


def trace(
    counts: Counts, ids: Ints, opens: Flags, length: int, before: Sequence[Ints] = ()
) -> list[NDArray[np.int32]]:
    """States of the grams of 1 to `length` tokens that end at each place.

    Args:
        counts: where to look.
        ids: the text, `[..., T]`.
        opens: True where nothing before may be looked at, like `ids`.
        length: of the longest grams.
        before: states of the grams of 1, 2, … tokens that ended just before `ids`, `[..., 1]`.

    Returns:
        One array a length, each like `ids`.
    """
    out: list[NDArray[np.int32]] = []
    for k in range(1, length + 1):
        context = np.full(ids.shape, -1, np.int32)
        if out:
            context[..., 1:] = out[-1][..., :-1]
            if before:
                context[..., :1] = before[k - 2]
            context[opens] = -1
        state = counts.descend(k, context.reshape(-1), ids.reshape(-1))
        out.append(state.reshape(ids.shape))
    return out


def walk(
    counts: Counts, contexts: Sequence[Ints], grams: Sequence[Ints] | None = None
) -> list[Step]:
    """Steps from the empty context to the longest.

    Args:
        counts: where to look.
        contexts: states of the contexts of 0, 1, … tokens at each place.
        grams: states of the same contexts with the target behind, where there is one.

    Returns:
        One step a context length.
    """
    steps: list[Step] = []
    for length, states in enumerate(contexts):
        level = counts.levels[length]
        row, known, where = _distinct(states)
        owner, token, link = counts.children(length, known)
        has_left = level.left is not None
        steps.append(
            Step(
                row=row,
                suffix=steps[-1].row[where] if steps else np.zeros(len(known), np.int32),
                owner=owner,
                token=token,
                count=level.count_of(link),
                left=level.count_of(link, left=True) if has_left else None,
                hit=None if grams is None else level.count_of(grams[length]),
                hit_left=(
                    level.count_of(grams[length], left=True)
                    if grams is not None and has_left
                    else None
                ),
            )
        )
    return steps


def _distinct(states: Ints) -> tuple[NDArray[np.int32], Ints, Ints]:
    """Row of each place, the distinct states (−1 has no row), and a place where each occurs."""
    row = np.full(len(states), -1, np.int32)
    there = np.flatnonzero(states != -1)
    by = there[np.argsort(states[there], kind="stable")]
    ordered = states[by]
    new = np.diff(ordered, prepend=ordered[:1] - 1) != 0
    row[by] = np.cumsum(new) - 1
    return row, ordered[new], by[new]
