"""Batches of examples, with random access."""

from functools import lru_cache
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray

from likely.core.batch import Batch
from likely.core.errors import BadInput, BadSetting
from likely.core.settings import checked
from likely.data._rows import widened
from likely.data.examples import Examples
from likely.data.packing import Count

Ints = NDArray[np.int64]


class ExamplePlan:
    """Which examples every micro batch reads: `batch(number)` depends on nothing but `number`.

    In each epoch the rows are visited in a new order, drawn from a numpy generator seeded with
    (seed, epoch); every example occurs exactly once an epoch, and batches run on across its end.
    Without packing a row is one side of an example, and both sides of a pair follow each other: a
    batch has `rows` of them, padded to the longest. With packing a row of `length` positions holds
    as many examples as fit, each side a segment of its own; which ones is drawn once, and a batch
    has `rows` of these.

    Args:
        examples: what is learned.
        rows: rows a batch.
        length: positions a row may have.
        seed: of the order.
        packed: whether several examples share a row.

    Raises:
        BadSetting: `rows` or `length` below 1, a negative seed, or an odd number of rows for pairs.
        BadInput: there are no examples, or one does not fit into a row.

    Example:
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.data.example import Example
        >>> from likely.data.examples import encode_examples
        >>> pair = Example("a", "The sky is", (" blue.", " green."))
        >>> plan = ExamplePlan(encode_examples([pair], Vocabulary.of_bytes()), rows=2, length=32)
        >>> plan.batch(0).rows, plan.batch(0).pair.tolist()
        (2, [[0, 1]])
    """

    def __init__(
        self,
        examples: Examples,
        *,
        rows: Count,
        length: Count,
        seed: Annotated[int, Ge(0)] = 0,
        packed: bool = False,
    ) -> None:
        checked(ExamplePlan, locals())
        if not len(examples):
            raise BadInput("ExamplePlan: there are no examples; give at least one.")
        self.examples, self.rows, self.length = examples, rows, length
        self.seed, self.packed = seed, packed
        self.sizes = np.diff(examples.offsets)
        units = examples.units
        if units.shape[1] == 2 and rows % 2 and not packed:
            problem = f"rows={rows} should be even: a pair takes two rows."
            raise BadSetting("ExamplePlan", [problem])
        self._fits(units)
        own = self.sizes[units].sum(axis=1)
        self.groups = (
            _packed(own, length, seed) if packed else [np.array([n]) for n in range(len(own))]
        )
        self.groups_per_batch = rows if packed else rows // units.shape[1]
        self._epoch = lru_cache(maxsize=4)(self._order)

    def _fits(self, units: Ints) -> None:
        """Refuse examples that no row can hold."""
        need = self.sizes[units]
        need = need.sum(axis=1) if self.packed else need.max(axis=1)
        worst = int(need.argmax())
        if need[worst] > self.length:
            what = "both sides of" if self.packed and self.examples.is_pairs else "a side of"
            name = self.examples.names[units[worst, 0]].removesuffix("/chosen")
            raise BadInput(
                f"ExamplePlan: {what} {name!r} are {need[worst]} positions, and a row has "
                f"length={self.length}; give more length here, or less to encode_examples, which "
                "cuts prompts."
            )

    @property
    def rows_per_epoch(self) -> int:
        """Rows that hold every example once."""
        return len(self.groups) * (1 if self.packed else self.examples.units.shape[1])

    @property
    def steps_per_epoch(self) -> int:
        """Batches until every example has been seen; the last may reach into the next epoch."""
        return -(-len(self.groups) // self.groups_per_batch)

    @property
    def tokens_per_step(self) -> int:
        """Positions a batch at most, padding included."""
        return self.rows * self.length

    def batch(self, number: int) -> Batch:
        """One micro batch.

        Args:
            number: which, from 0.

        Returns:
            `rows` rows; padding has weight 0, document and segment −1, and 0 for everything else.
            `document` is the number of the side among the examples.

        Raises:
            BadSetting: a negative number.
        """
        if number < 0:
            raise BadSetting("ExamplePlan.batch", [f"number={number} should be at least 0."])
        begin = number * self.groups_per_batch
        rows: list[Ints] = []
        for place in range(begin, begin + self.groups_per_batch):
            epoch, nth = divmod(place, len(self.groups))
            sides = self.examples.units[self.groups[self._epoch(epoch)[nth]]].ravel()
            rows += [sides] if self.packed else [sides[n : n + 1] for n in range(len(sides))]
        return _batch(self.examples, self.sizes, rows, self.length if self.packed else 0)

    def _order(self, epoch: int) -> Ints:
        return np.random.default_rng((self.seed, epoch)).permutation(len(self.groups))


def _packed(sizes: Ints, length: int, seed: int) -> list[Ints]:
    """Examples that share a row: the longest first, each into the fullest row that has room."""
    order = np.random.default_rng((seed,)).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    rooms: list[list[int]] = [[] for _ in range(length + 1)]  # rows by the positions left
    rows: list[list[int]] = []
    for example in order.tolist():
        size = int(sizes[example])
        room = next((left for left in range(size, length) if rooms[left]), length)
        if room == length:
            rows.append([])
            row = len(rows) - 1
        else:
            row = rooms[room].pop()
        rows[row].append(example)
        rooms[room - size].append(row)
    return [np.array(row) for row in rows]


def _batch(examples: Examples, sizes: Ints, rows: list[Ints], width: int) -> Batch:
    """Rows of sides, each a segment, padded to one width."""
    width = width or int(max(sizes[row].sum() for row in rows))
    sides = np.concatenate(rows)
    within = [
        np.cumsum(sizes[row]) - sizes[row] + number * width for number, row in enumerate(rows)
    ]
    starts, own = np.concatenate(within), sizes[sides]
    position = np.arange(own.sum()) - np.repeat(np.cumsum(own) - own, own)
    at = np.repeat(starts, own) + position
    source = np.repeat(examples.offsets[sides], own) + position
    before = examples.ids[np.maximum(source - 1, 0)]
    count = len(rows) * width

    def spread(values: NDArray[Any], empty: int = 0) -> torch.Tensor:
        whole = np.full((count, *values.shape[1:]), empty, values.dtype)
        whole[at] = values
        return widened(whole)

    pair = None
    if examples.is_pairs:  # sides of a pair follow each other, so their segments do
        pair = torch.arange(len(sides)).reshape(-1, 2)
    return Batch(
        ids=spread(np.where(position == 0, examples.vocabulary.bos, before).astype(np.int64)),
        target=spread(examples.ids[source].astype(np.int64)),
        segment=spread(np.repeat(np.arange(len(sides)), own), -1),
        position=spread(position),
        weight=spread(examples.weight[source]),
        document=spread(np.repeat(sides, own), -1),
        rows=len(rows),
        pair=pair,
        columns={
            name: spread(column[source], -1 if name == "step" else 0)
            for name, column in examples.columns.items()
        },
    )
