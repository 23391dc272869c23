"""One sweep's tensors, its blocks, and the states that are summed over them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from likely.vocab import _kernels
from likely.vocab._kernels import Flat
from likely.vocab._sources import sources_of
from likely.vocab._spec import Spec
from likely.vocab._way import Way
from likely.vocab.moments._accumulator import State


@dataclass(frozen=True)
class Place:
    """Where a block lies.

    Args:
        rows: tokens.
        columns: words.
    """

    rows: slice
    columns: slice


class Sweep:
    """One sweep's tensors, and how it goes through them.

    Args:
        spec: what is summed.
        way: in which blocks.
        tensors: sources of every reader, then small tensors, in the fixed order.
    """

    def __init__(self, spec: Spec, way: Way, tensors: Sequence[Tensor]) -> None:
        self.spec, self.way, self.tensors = spec, way, list(tensors)
        self.sources, self.small = sources_of(spec, way, tensors)
        self.axes = spec.axes
        self.count, self.size = self.sources[0].count, self.sources[0].size
        self._held: dict[tuple[int, int], Tensor] = {}

    def forward(self) -> tuple[Flat, Flat]:
        """Sum over the whole vocabulary.

        Returns:
            Shifts and flat states.
        """
        if self.way.forward == "rows" or self.spec.whole_rows:
            return self._by_rows()
        return self._by_tiles()

    def _by_rows(self) -> tuple[Flat, Flat]:
        found = [self.states(place) for place in self.row_blocks()]
        shifts = tuple(torch.cat(each) for each in zip(*(s for s, _ in found), strict=True))
        per_word = self._per_word()
        parts = zip(*(states for _, states in found), strict=True)
        states = tuple(
            torch.stack(each).sum(0) if word else torch.cat(each)
            for each, word in zip(parts, per_word, strict=True)
        )
        return shifts, states

    def _by_tiles(self) -> tuple[Flat, Flat]:
        shifts: list[Tensor] = []
        whole: list[State] = []
        for place in self.tiles():
            new, flat = self.states(place)
            states = self.spec.unflatten(flat)
            if whole:
                both = [torch.maximum(a, b) for a, b in zip(shifts, new, strict=True)]
                rises = [self._rises(both, old) for old in (shifts, new)]
                whole = [
                    one.merge(one.move(a, rises[0]), one.move(b, rises[1]))
                    for one, a, b in zip(self.spec.sums, whole, states, strict=True)
                ]
                shifts = both
            else:
                shifts, whole = list(new), states
        return tuple(shifts), tuple(part for state in whole for part in state)

    def _rises(self, new: Sequence[Tensor], old: Sequence[Tensor]) -> dict[str, Tensor]:
        # Before the first finite logit nothing was summed, and no move is needed.
        found = [
            (a - b).where(b.isfinite(), torch.zeros_like(a)) for a, b in zip(new, old, strict=True)
        ]
        return dict(self.spec.by_name(found))

    def _per_word(self) -> list[bool]:
        return [one.per_word for one in self.spec.sums for _ in range(one.width)]

    def row_blocks(self) -> Iterator[Place]:
        """Some tokens, all words; at least one block, even of no tokens."""
        for start in range(0, max(self.count, 1), self.way.rows):
            yield Place(slice(start, min(start + self.way.rows, self.count)), slice(0, self.size))

    def tiles(self) -> Iterator[Place]:
        """All tokens, some words."""
        for start in range(0, self.size, self.way.words):
            stop = min(start + self.way.words, self.size)
            yield Place(slice(0, self.count), slice(start, stop))

    def cut(self, place: Place) -> Flat:
        """Small tensors of a block.

        Args:
            place: the block.

        Returns:
            In the fixed order.
        """
        at = {"row": place.rows, "column": place.columns}
        return tuple(
            t if axis == "whole" else t[at[axis]]
            for t, axis in zip(self.small, self.axes, strict=True)
        )

    def products(self, place: Place) -> Flat:
        """Products of every reader; their memory is used again for the next block.

        Args:
            place: the block.

        Returns:
            `[n, B]` a reader.
        """
        found = []
        for i, source in enumerate(self.sources):
            shape = (place.rows.stop - place.rows.start, place.columns.stop - place.columns.start)
            held = self._held.get((i, shape[1]))
            if held is None or len(held) < shape[0]:
                held = torch.empty(shape, dtype=source.dtype, device=source.device)
                self._held[i, shape[1]] = held
            found.append(source.products(place.rows, place.columns, held[: shape[0]]))
        return tuple(found)

    def first_id(self, place: Place) -> int:
        """The id of a block's first word.

        Args:
            place: the block.

        Returns:
            Its column, among all words also where only some are held here.
        """
        start: int = place.columns.start
        return self.way.first + start

    def states(self, place: Place) -> tuple[Flat, Flat]:
        """Shifts and flat states of one block.

        Args:
            place: the block.

        Returns:
            Shifts and states about them.
        """
        return self.states_of(self.products(place), place)

    def states_of(self, products: Flat, place: Place) -> tuple[Flat, Flat]:
        """The same where the products are there.

        Args:
            products: of the block.
            place: the block.

        Returns:
            Shifts and states about them.
        """
        run = _kernels.forward(self.spec, self.way.compiled)
        shifts, states = run(products, self.cut(place), self.first_id(place))
        return tuple(shifts), tuple(states)
