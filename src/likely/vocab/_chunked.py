"""The backend that holds one block of logits at a time, forward and backward.

Two schedules: `rows` takes some tokens and the whole vocabulary, so nothing needs to be merged;
`tiles` takes some words and every token, so that each tile of the weight's gradient is one product.
Sums are float32 whatever the inputs (float64 for float64).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import vjp

from likely.vocab import _kernels
from likely.vocab._kernels import Flat
from likely.vocab._sources import Source, sources_of
from likely.vocab._spec import SELF, Spec
from likely.vocab._way import Way
from likely.vocab.moments._accumulator import Block, State


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
            states = self.unflatten(flat)
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
        found = [(a - b).where(b.isfinite(), torch.zeros_like(a)) for a, b in zip(new, old, strict=True)]
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
            t if axis == "whole" else t[at[axis]] for t, axis in zip(self.small, self.axes, strict=True)
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

    def states(self, place: Place) -> tuple[Flat, Flat]:
        """Shifts and flat states of one block.

        Args:
            place: the block.

        Returns:
            Shifts and states about them.
        """
        run = _kernels.forward(self.spec, self.way.compiled)
        shifts, states = run(self.products(place), self.cut(place), place.columns.start)
        return tuple(shifts), tuple(states)

    def unflatten(self, flat: Sequence[Tensor]) -> list[State]:
        """Flat states, one tuple an accumulator.

        Args:
            flat: parts in order.

        Returns:
            States.
        """
        found, at = [], 0
        for one in self.spec.sums:
            found.append(tuple(flat[at : at + one.width]))
            at += one.width
        return found


class Gradients:
    """Adds gradients up, block by block.

    Args:
        sweep: what was swept.
        needs: for each of the sweep's tensors, whether it wants a gradient.
    """

    def __init__(self, sweep: Sweep, needs: Sequence[bool]) -> None:
        self.sweep, self.needs = sweep, list(needs)
        first = sum(source.tensors for source in sweep.sources)
        self.small_wanted = tuple(i for i, need in enumerate(needs[first:]) if need)
        self.wanted = []
        at = 0
        for i, source in enumerate(sweep.sources):
            if any(needs[at : at + source.tensors]):
                self.wanted.append(i)
                source.want(*needs[at : at + source.tensors])
            at += source.tensors
        wide = sweep.sources[0].sums
        self.small = [
            torch.zeros(sweep.small[i].shape, dtype=wide, device=sweep.small[i].device)
            for i in self.small_wanted
        ]

    def add(
        self, place: Place, products: Flat, shifts: Flat, states: Flat, grads: Sequence[Tensor | None]
    ) -> None:
        """Add what one block gives; overwrites its products.

        Args:
            place: the block.
            products: its products.
            shifts: final shifts, of its tokens.
            states: final flat states, of its tokens.
            grads: gradients on them; None for zero.
        """
        sweep = self.sweep
        whole, given = sweep.unflatten(states), self._grouped(grads, states)
        small = sweep.cut(place)
        only = tuple(i for i, one in enumerate(sweep.spec.sums) if given[i] and one.smooth)
        sparse = [i for i, one in enumerate(sweep.spec.sums) if given[i] and not one.smooth]
        touched = self._touched(sparse, place, products, small, whole, given)
        if only:
            run = _kernels.backward(
                sweep.spec, only, tuple(self.wanted), self.small_wanted, sweep.way.compiled
            )
            flat_wholes = tuple(part for i in only for part in whole[i])
            flat_grads = tuple(part for i in only for part in given[i])
            found = run(products, small, place.columns.start, shifts, flat_wholes, flat_grads)
            self._add_small(place, found)
        else:
            for i in self.wanted:
                products[i].zero_()
        for column, draw in touched if 0 in self.wanted else ():
            products[0].scatter_add_(1, column, draw.to(products[0].dtype))
        _filter(products, self.wanted, sweep.way.filter_eps)
        for i in self.wanted:
            sweep.sources[i].add(products[i], place.rows, place.columns)

    def _grouped(self, grads: Sequence[Tensor | None], states: Flat) -> list[State]:
        """Gradients by accumulator; empty where all are None."""
        found: list[State] = []
        at = 0
        for one in self.sweep.spec.sums:
            here = list(zip(grads[at : at + one.width], states[at : at + one.width], strict=True))
            some = any(g is not None for g, _ in here)
            found.append(
                tuple(torch.zeros_like(s) if g is None else g for g, s in here) if some else ()
            )
            at += one.width
        return found

    def _touched(
        self, sparse: list[int], place: Place, products: Flat, small: Flat, whole: list[State],
        given: list[State],
    ) -> list[tuple[Tensor, Tensor]]:
        """Columns and gradients on the model's products, where few words get any."""
        found = []
        spec = self.sweep.spec
        block = Block({SELF: products[0]}, {}, place.columns.start, small[0])
        own = [i for i in self.small_wanted if i <= len(spec.readers[0].parts)]
        for i in sparse:
            tensors = spec.split(small)[2][i]
            reached = spec.sums[i].touched(given[i], whole[i], block, tensors)
            if reached is None:
                continue
            ids, grad = reached
            column, inside = block.where_is(ids)
            grad = torch.where(inside & (ids >= 0), grad, 0.0)
            draw, parts = self._through(products[0].gather(1, column), column, small, own, grad)
            found.append((column, draw))
            self._add_small(place, parts, [self.small_wanted.index(j) for j in own])
        return found

    def _through(
        self, product: Tensor, column: Tensor, small: Flat, own: list[int], grad: Tensor
    ) -> tuple[Tensor, Flat]:
        """Gradients on chosen logits → on their products and the small tensors that shape them."""
        reader = self.sweep.spec.readers[0]

        def chosen(product: Tensor, *leaves: Tensor) -> Tensor:
            changed = dict(zip(own, leaves, strict=True))
            parts = {}
            for at, (name, axis) in enumerate(reader.parts, start=1):
                t = changed.get(at, small[at])
                parts[name] = t[:, None] if axis == "row" else t[column] if axis == "column" else t
            return reader.form.logits(product, parts)

        z, pull = vjp(chosen, product, *(small[i] for i in own))
        draw, *parts = pull(grad.to(z.dtype))
        return draw, tuple(parts)

    def _add_small(self, place: Place, found: Flat, at: Sequence[int] | None = None) -> None:
        axes = {"row": place.rows, "column": place.columns, "whole": slice(None)}
        for i, grad in zip(range(len(found)) if at is None else at, found, strict=True):
            axis = self.sweep.axes[self.small_wanted[i]]
            total = self.small[i]
            (total if axis == "whole" else total[axes[axis]]).add_(grad)

    def finish(self) -> list[Tensor | None]:
        """Every gradient in its tensor's dtype, None where none was wanted."""
        found: list[Tensor | None] = []
        for source in self.sweep.sources:
            found += source.finish()
        small = dict(zip(self.small_wanted, self.small, strict=True))
        for i, tensor in enumerate(self.sweep.small):
            found.append(small[i].to(tensor.dtype) if i in small else None)
        return found


FILTER_ROWS, FILTER_WORDS = 128, 256
"""The blocks that a gradient filter looks at."""


def _filter(products: Flat, wanted: Sequence[int], eps: float | None) -> None:
    if eps is None:
        return
    for i in wanted:
        rows, words = products[i].shape
        for top in range(0, rows, FILTER_ROWS):
            for left in range(0, words, FILTER_WORDS):
                tile = products[i][top : top + FILTER_ROWS, left : left + FILTER_WORDS]
                if tile.numel() and tile.abs().max() < eps:
                    tile.zero_()


def forward(spec: Spec, way: Way, tensors: Sequence[Tensor]) -> tuple[Flat, Flat]:
    """Sum over the vocabulary.

    Args:
        spec: what.
        way: how.
        tensors: of what, in the fixed order.

    Returns:
        Shifts and flat states.
    """
    return Sweep(spec, way, tensors).forward()


def backward(
    spec: Spec,
    way: Way,
    tensors: Sequence[Tensor],
    shifts: Flat,
    states: Flat,
    grads: Sequence[Tensor | None],
    needs: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients on the tensors; the logits are computed again.

    Args:
        spec: what was summed.
        way: how.
        tensors: of what.
        shifts: final ones.
        states: final ones, flat.
        grads: on the states; None for zero.
        needs: which tensors want a gradient.

    Returns:
        One gradient a tensor, None where none was wanted.
    """
    sweep = Sweep(spec, way, tensors)
    total = Gradients(sweep, needs)
    rows = way.backward == "rows" or spec.whole_rows
    per_word = [one.per_word for one in spec.sums for _ in range(one.width)]
    for place in sweep.row_blocks() if rows else sweep.tiles():
        total.add(
            place,
            sweep.products(place),
            tuple(shift[place.rows] for shift in shifts),
            tuple(s if word else s[place.rows] for s, word in zip(states, per_word, strict=True)),
            [
                g if g is None or word else g[place.rows]
                for g, word in zip(grads, per_word, strict=True)
            ],
        )
    return total.finish()
