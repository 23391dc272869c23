"""Launches the forward kernel, and merges what its programs found."""

from dataclasses import dataclass

import torch
from torch import Tensor

from likely.vocab._triton import _write_forward
from likely.vocab._triton._choose import Tile, bucket, fastest, processors
from likely.vocab._triton._problem import Problem
from likely.vocab._triton._term import Term
from likely.vocab.moments._accumulator import LOWEST, Accumulator, State

MOST_SPLITS = 32
"""Into so many parts the vocabulary is split at most, unless there would be too few programs."""


def shares(row_tiles: int, word_tiles: int, processors: int) -> tuple[int, int]:
    """How programs share the vocabulary, so that processors idle least; of equals, in few parts.

    Args:
        row_tiles: how many tiles of tokens.
        word_tiles: how many tiles of words.
        processors: how many programs run at once.

    Returns:
        The number of parts, and the tiles of words in each.
    """
    most = min(word_tiles, max(MOST_SPLITS, -(-processors // row_tiles)))

    def takes(splits: int) -> int:
        return -(-row_tiles * splits // processors) * -(-word_tiles // splits)

    splits = min(range(1, most + 1), key=lambda splits: (takes(splits), splits))
    each = -(-word_tiles // splits)
    return -(-word_tiles // each), each


def forward(problem: Problem) -> tuple[list[Tensor], list[State]]:
    """Sum over the vocabulary.

    Args:
        problem: the sweep.

    Returns:
        Shifts and states.
    """
    kernel = _write_forward.forward(problem.spec, problem.widths)
    kinds = tuple(factors.left.dtype for factors in problem.factors)
    depths = tuple(factors.left.shape[1] for factors in problem.factors)
    device = problem.small[0].device
    key = (kernel.source, kinds, depths, bucket(problem.count), problem.size, device)
    tile = fastest(key, kinds[0], lambda tile: _launch(problem, kernel, tile))
    return _read(problem, kernel, _launch(problem, kernel, tile))


@dataclass(frozen=True, eq=False)
class Stored:
    """What the programs wrote.

    Args:
        floats: `[splits, rows, N]`.
        wholes: the same for whole numbers.
        found: logits of chosen words, `[rows, N]`; NaN where they lie elsewhere.
    """

    floats: Tensor
    wholes: Tensor
    found: Tensor


def _launch(problem: Problem, kernel: _write_forward.Forward, tile: Tile) -> Stored:
    count, device = problem.count, problem.small[0].device
    row_tiles, word_tiles = -(-count // tile.rows), -(-problem.size // tile.words)
    splits, each = shares(row_tiles, word_tiles, processors(device))
    stored = Stored(
        torch.empty((splits, kernel.floats, count), dtype=torch.float32, device=device),
        torch.empty((splits, max(kernel.wholes, 1), count), dtype=torch.int32, device=device),
        torch.full(
            (max(kernel.scattered, 1), count), torch.nan, dtype=torch.float32, device=device
        ),
    )
    given = problem.arguments(kernel.run.arg_names)
    at = 0
    for term in kernel.terms:
        given |= {f"found_at{term.number}": at} if term.scattered else {}
        at += term.scattered
    if kernel.scattered:
        given |= {"found": stored.found, "found_stride": count}
    kernel.run[(row_tiles, splits)](
        **given,
        targets=problem.small[0],
        out=stored.floats,
        whole=stored.wholes,
        count=count,
        size=problem.size,
        first_id=problem.way.first,
        tiles=each,
        out_rows=kernel.floats,
        whole_rows=max(kernel.wholes, 1),
        **tile.sizes([factors.left.shape[1] for factors in problem.factors]),
    )
    return stored


def _read(
    problem: Problem, kernel: _write_forward.Forward, stored: Stored
) -> tuple[list[Tensor], list[State]]:
    spec, readers = problem.spec, len(problem.spec.readers)
    splits = len(stored.floats)
    own = [stored.floats[:, i] for i in range(readers)]
    shifts = [each.amax(0) for each in own]
    rises = {
        reader.name: (shift - before).where(before.isfinite(), shift.new_zeros(())).flatten()
        for reader, shift, before in zip(spec.readers, shifts, own, strict=True)
    }
    reading = _Reading(stored, own[0], shifts[0], readers, kernel)
    states = []
    for term, one in zip(kernel.terms, spec.sums, strict=True):
        state, whole = reading.state(term)
        if not whole:
            state = merged(one, one.move(state, rises), splits)
        states.append(state)
    return shifts, states


class _Reading:
    """Reads states off what was stored, in the order in which it was.

    Args:
        stored: what was.
        own: the model's largest logits of each split, `[splits, N]`.
        shift: the model's largest logits, `[N]`.
        first: how many rows of float32 come before the states.
        kernel: what stored it.
    """

    def __init__(
        self, stored: Stored, own: Tensor, shift: Tensor, first: int, kernel: _write_forward.Forward
    ) -> None:
        self.stored, self.own, self.shift = stored, own, shift
        self.floats, self.wholes, self.found = first, 0, 0
        terms = kernel.terms
        self.wide = first + sum(len(term.outputs) for term in terms)
        self.wide_ids = sum(len(term.whole) for term in terms)

    def state(self, term: Term) -> tuple[State, bool]:
        """The state of a term.

        Args:
            term: the next one.

        Returns:
            One row a token and split, about the split's shifts; or the whole state, and True.
        """
        if term.scattered:
            return self._chosen(term), True
        if term.wide:
            return self._largest(term), False
        parts: list[Tensor] = []
        for width in term.layout:
            rows = self.stored.floats[:, self.floats : self.floats + max(width, 1)]
            self.floats += max(width, 1)
            parts.append(_by_row(rows) if width else rows.flatten())
        for width in term.whole_layout:
            ids = self.stored.wholes[:, self.wholes].flatten().to(torch.int64)
            self.wholes += 1
            parts.append(ids[:, None] if width else ids)
        return tuple(parts), False

    def _chosen(self, term: Term) -> State:
        z = self.stored.found[self.found : self.found + term.scattered].T
        self.found += term.scattered
        here = ~z.isnan()
        base = self.shift.where(self.shift.isfinite(), self.shift.new_zeros(()))
        x = (z - base[:, None]).clamp_min(LOWEST)
        return (torch.where(here, x, 0.0), here.to(x.dtype))

    def _largest(self, term: Term) -> State:
        k = term.wide
        z = _by_row(self.stored.floats[:, self.wide : self.wide + k])
        ids = _by_row(self.stored.wholes[:, self.wide_ids : self.wide_ids + k]).to(torch.int64)
        self.wide, self.wide_ids = self.wide + k, self.wide_ids + k
        z, order = z.sort(dim=1, descending=True)
        base = self.own.where(self.own.isfinite(), self.own.new_zeros(())).flatten()
        return (z - base[:, None], ids.gather(1, order))


def _by_row(rows: Tensor) -> Tensor:
    """`[splits, K, N]` as `[splits · N, K]`."""
    return rows.permute(0, 2, 1).reshape(-1, rows.shape[1])


def merged(one: Accumulator, state: State, splits: int) -> State:
    """States of neighbouring splits, merged two by two: the order of the words is kept.

    Args:
        one: the accumulator.
        state: one row a token and split, about one shift.
        splits: how many there are.

    Returns:
        One row a token.
    """
    parts = [part.reshape(splits, -1, *part.shape[1:]) for part in state]
    while splits > 1:
        pairs = splits // 2
        left = tuple(part[: 2 * pairs : 2].flatten(0, 1) for part in parts)
        right = tuple(part[1 : 2 * pairs : 2].flatten(0, 1) for part in parts)
        both = one.merge(left, right)
        parts = [
            torch.cat([new.reshape(pairs, -1, *new.shape[1:]), part[2 * pairs :]])
            for new, part in zip(both, parts, strict=True)
        ]
        splits = splits - pairs
    return tuple(part[0] for part in parts)
