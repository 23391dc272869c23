"""Rows to train on, with random access, and windows to evaluate on."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from likely.core.batch import Batch
from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.data._rows import build, not_empty
from likely.data.tokens import Tokens

Count = Annotated[int, Ge(1)]


class TrainingPlan:
    """Which tokens every training step reads: `batch(step)` depends on nothing but `step`.

    In each epoch the documents are laid end to end in a new order and cut into rows of `length`
    targets, and the rows are visited in a new order; both permutations come from a numpy generator
    seeded with (seed, epoch). Every target occurs exactly once an epoch. A row may hold several
    documents, each a segment of its own; a document that does not end with its row goes on in
    another row as a new segment, whose first input is the token before. The last row of an epoch
    is padded. Batches run on across the end of an epoch, so that all have `rows` rows.

    Args:
        tokens: the documents.
        length: positions a row.
        rows: rows a batch.
        seed: of the permutations.

    Raises:
        BadSetting: `length` or `rows` below 1, or a negative seed.
        BadInput: there is nothing to train on.
    """

    def __init__(
        self, tokens: Tokens, *, length: Count, rows: Count, seed: Annotated[int, Ge(0)] = 0
    ) -> None:
        checked(TrainingPlan, locals())
        not_empty("TrainingPlan", tokens)
        self.tokens, self.length, self.rows, self.seed = tokens, length, rows, seed
        self.rows_per_epoch = -(-len(tokens.ids) // length)
        self._epoch = lru_cache(maxsize=4)(self._order)

    @property
    def steps_per_epoch(self) -> int:
        """Steps until every target has been seen; the last may reach into the next epoch."""
        return -(-self.rows_per_epoch // self.rows)

    @property
    def tokens_per_step(self) -> int:
        """Positions a batch, padding included."""
        return self.rows * self.length

    def batch(self, step: int) -> Batch:
        """The batch of one step.

        Args:
            step: which, from 0.

        Returns:
            `rows` rows; padding has weight 0, document and segment −1, and 0 for ids, target and
            position.

        Raises:
            BadSetting: a negative step.
        """
        if step < 0:
            raise BadSetting("TrainingPlan.batch", [f"step={step} should be at least 0."])
        begin, end = step * self.rows, (step + 1) * self.rows
        parts = []
        while begin < end:
            epoch, place = divmod(begin, self.rows_per_epoch)
            count = min(end - begin, self.rows_per_epoch - place)
            parts.append(self._rows(epoch, place, count))
            begin += count
        columns = [
            np.concatenate(column) if len(parts) > 1 else column[0]
            for column in zip(*parts, strict=True)
        ]
        return build(self.tokens, *columns, rows=self.rows)

    def _order(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Order of documents, where each starts and the last ends, and order of rows."""
        rng = np.random.default_rng((self.seed, epoch))
        documents = rng.permutation(len(self.tokens))
        lengths = np.diff(self.tokens.offsets)[documents]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        return documents, starts, rng.permutation(self.rows_per_epoch)

    def _rows(
        self, epoch: int, place: int, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Document, place among all ids and whether a segment starts, for rows of one epoch.

        Positions of padding have document −1 and place 0, and the first of them starts a segment.
        """
        documents, starts, order = self._epoch(epoch)
        begins = order[place : place + count] * self.length
        ends = np.minimum(begins + self.length, starts[-1])
        # documents (and the end of the last one, where padding begins) that start inside each row
        first = np.searchsorted(starts, begins, side="right") - 1
        last = np.searchsorted(starts, begins + self.length, side="left")
        many = last - first - 1
        row = np.repeat(np.arange(count), many)
        nth = np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)
        inner = row * self.length + starts[first[row] + 1 + nth] - begins[row]
        fresh = np.zeros((count, self.length), np.bool_)
        fresh.ravel()[inner] = True
        which = np.cumsum(fresh, axis=1) + first[:, None]
        fresh[:, 0] = True
        at = begins[:, None] + np.arange(self.length)
        inside = at < ends[:, None]
        which = np.minimum(which, len(documents) - 1)
        document = documents[which]
        source = at - starts[which] + self.tokens.offsets[document]
        return (
            np.where(inside, document, -1).ravel(),
            np.where(inside, source, 0).ravel(),
            fresh.ravel(),
        )


def evaluation_batches(
    tokens: Tokens, *, length: Count, rows: Count, stride: Count | None = None
) -> Iterator[Batch]:
    """Overlapping windows within each document; every target is scored exactly once.

    The first window of a document scores all of its first `length` targets; each later one scores
    the next `stride` of them and reads at least `length − stride` targets before those for context,
    with weight 0. A window starts from BOS where the document does, else from the token before.

    Args:
        tokens: the documents.
        length: positions a window.
        rows: windows a batch; the last batch may have fewer.
        stride: targets by which a window moves on; None for half of `length`.

    Returns:
        Batches in the order of the documents, one window a row and a segment, padded at its end.

    Raises:
        BadSetting: `length`, `rows` or `stride` below 1, or a stride above `length`.
        BadInput: there are no documents.
    """
    checked(evaluation_batches, locals())
    not_empty("evaluation_batches", tokens)
    step = max(1, length // 2) if stride is None else stride
    if step > length:
        problem = f"stride must not exceed length, and {step} is more than {length}."
        raise BadSetting("evaluation_batches", [problem])
    return _windows(tokens, length, rows, step)


def _windows(tokens: Tokens, length: int, rows: int, stride: int) -> Iterator[Batch]:
    sizes = np.diff(tokens.offsets)
    many = 1 + np.maximum(0, -(-(sizes - length) // stride))
    document = np.repeat(np.arange(len(sizes)), many)
    nth = np.arange(len(document)) - np.repeat(np.cumsum(many) - many, many)
    scored_from = np.where(nth == 0, 0, length + (nth - 1) * stride)
    end = np.minimum(length + nth * stride, sizes[document])
    begin = np.maximum(end - length, 0)
    for first in range(0, len(document), rows):
        at = slice(first, first + rows)
        place = begin[at, None] + np.arange(length)
        inside = place < end[at, None]
        owner = np.broadcast_to(document[at, None], place.shape)
        fresh = np.zeros(place.shape, np.bool_)
        fresh[:, 0] = True
        yield build(
            tokens,
            np.where(inside, owner, -1).ravel(),
            np.where(inside, place + tokens.offsets[owner], 0).ravel(),
            fresh.ravel(),
            rows=len(place),
            scored=(inside & (place >= scored_from[at, None])).ravel(),
        )
