"""Gradients of a sweep, added up block by block."""

from collections.abc import Sequence

import torch
from torch import Tensor

from likely.vocab import _kernels
from likely.vocab._differentiate import vjp
from likely.vocab._kernels import Flat
from likely.vocab._sweep import Place, Sweep
from likely.vocab.moments._accumulator import SELF, Block, State


class Gradients:
    """Adds gradients up, block by block.

    Args:
        sweep: what was swept.
        needs: for each of the sweep's tensors, whether it wants a gradient.
        limit: blocks of gradients below it are dropped; None for none.
    """

    def __init__(self, sweep: Sweep, needs: Sequence[bool], limit: Tensor | None = None) -> None:
        self.sweep, self.needs, self.limit = sweep, list(needs), limit
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
        self,
        place: Place,
        products: Flat,
        shifts: Flat,
        states: Flat,
        grads: Sequence[Tensor | None],
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
        whole, given = sweep.spec.unflatten(states), self._grouped(grads, states)
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
            found = run(products, small, sweep.first_id(place), shifts, flat_wholes, flat_grads)
            self._add_small(place, found)
        else:
            for i in self.wanted:
                products[i].zero_()
        for column, draw in touched if 0 in self.wanted else ():
            products[0].scatter_add_(1, column, draw.to(products[0].dtype))
        if self.limit is not None:
            _drop(products, self.wanted, self.limit)
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
        self,
        sparse: list[int],
        place: Place,
        products: Flat,
        small: Flat,
        whole: list[State],
        given: list[State],
    ) -> list[tuple[Tensor, Tensor]]:
        """Columns and gradients on the model's products, where few words get any."""
        found = []
        spec = self.sweep.spec
        block = Block({SELF: products[0]}, {}, self.sweep.first_id(place), small[0])
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
                if axis == "column":
                    parts[name] = t.index_select(0, column.flatten()).view(column.shape)
                else:
                    parts[name] = t[:, None] if axis == "row" else t
            return reader.form.logits(product, parts)

        z, pull, _ = vjp(chosen, product, *(small[i] for i in own))
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


def _drop(products: Flat, wanted: Sequence[int], limit: Tensor) -> None:
    for i in wanted:
        rows, words = products[i].shape
        for top in range(0, rows, FILTER_ROWS):
            for left in range(0, words, FILTER_WORDS):
                tile = products[i][top : top + FILTER_ROWS, left : left + FILTER_WORDS]
                if tile.numel() and tile.abs().max() < limit:
                    tile.zero_()
