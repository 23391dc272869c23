"""Launches the backward kernel on blocks of words, and takes the products back from each."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from likely.vocab._filter import limit
from likely.vocab._triton import _write_backward
from likely.vocab._triton._choose import Tile, bucket, fastest, interpreted
from likely.vocab._triton._problem import Problem
from likely.vocab._triton._products import Products
from likely.vocab.moments._extreme import Top
from likely.vocab.moments._log_sum import LogSum, SubsetColumns

Flat = Sequence[Tensor]
Rows = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Of the gradients on an accumulator's state, of the state, and of its whole numbers."""


@dataclass(eq=False)
class Saved:
    """Gradients on final states, and what a kernel reads of the states, packed by row.

    Args:
        flat: `[rows, N]` in float32.
        ids: the same for whole numbers.
        places: for each accumulator the rows of gradients, states and whole numbers.
    """

    flat: Tensor
    ids: Tensor
    places: tuple[Rows, ...]


def _packed(problem: Problem, shifts: Flat, states: Flat, grads: Sequence[Tensor | None]) -> Saved:
    rows: list[Tensor] = [shift[None].float() for shift in shifts]
    ids: list[Tensor] = []
    heights = {"flat": len(rows), "ids": 0}

    def put(tensor: Tensor) -> int:
        into, name = (rows, "flat") if tensor.is_floating_point() else (ids, "ids")
        tall = tensor.T if tensor.ndim == 2 else tensor[None]
        into.append(tall.float() if name == "flat" else tall.to(torch.int32))
        heights[name] += len(tall)
        return heights[name] - len(tall)

    places: list[Rows] = []
    at = 0
    for one in problem.spec.sums:
        state, grad = states[at : at + one.width], grads[at : at + one.width]
        at += one.width
        if all(g is None for g in grad):
            places.append(((), (), ()))
            continue
        pulls = tuple(
            put(torch.zeros_like(s, dtype=torch.float32) if g is None else g.float())
            for s, g in zip(state, grad, strict=True)
        )
        read = isinstance(one, LogSum | SubsetColumns)
        own = tuple(put(s) for s in state) if read else ()
        whole = tuple(-1 if s.is_floating_point() else put(s) for s in state)
        places.append((pulls, own, whole if isinstance(one, Top) else ()))
    flat = torch.cat(rows).contiguous()
    empty = flat.new_zeros((1, flat.shape[1]), dtype=torch.int32)
    return Saved(flat, torch.cat(ids).contiguous() if ids else empty, tuple(places))


def backward(
    problem: Problem,
    shifts: Flat,
    states: Flat,
    grads: Sequence[Tensor | None],
    needs: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients on the sweep's tensors; the logits are computed again, a block of words at a time.

    Args:
        problem: the sweep.
        shifts: final ones.
        states: final ones, flat.
        grads: on the states; None for zero.
        needs: which tensors want a gradient.

    Returns:
        One gradient a tensor, None where none was wanted.
    """
    small_limit = limit(problem.spec, problem.way, states, grads)
    saved = _packed(problem, shifts, states, grads)
    run = _Run(problem, saved, needs, small_limit)
    run.sweep()
    return run.finish()


class _Run:
    """One backward sweep.

    Args:
        problem: what is swept.
        saved: gradients on final states.
        needs: which tensors want a gradient.
        small: gradients of tiles below it are dropped; None for none.
    """

    def __init__(
        self, problem: Problem, saved: Saved, needs: Sequence[bool], small: Tensor | None
    ) -> None:
        self.problem, self.saved, self.needs, self.limit = problem, saved, list(needs), small
        wanted = [any(needs[at] for at in f.places) for f in problem.factors]
        self.wanted = tuple(i for i, want in enumerate(wanted) if want)
        own = {at for f in problem.factors[len(problem.spec.readers) :] for at in f.places}
        self.small = frozenset(
            at - problem.first
            for at, need in enumerate(needs)
            if need and at >= problem.first and at not in own
        )
        self.kernel = _write_backward.backward(
            problem.spec, problem.widths, saved.places, self.wanted, self.small
        )
        self.sums = {i: torch.zeros_like(problem.small[i], dtype=torch.float32) for i in self.small}
        self.order = self._order()
        several = problem.way.rows < problem.count
        self.products = {
            i: Products(
                problem.factors[i],
                [needs[at] for at in problem.factors[i].places],
                problem.tensors,
                self.order,
                several,
            )
            for i in self.wanted
        }
        self.inverse = None if self.order is None else self.order.argsort().to(torch.int32)

    def _order(self) -> Tensor | None:
        """The words by their mean logit, the largest first, where a filter may skip the rest."""
        if self.limit is None:
            return None
        factors = self.problem.factors[0]
        mean = factors.left.mean(0, dtype=torch.float32).to(factors.right.dtype)
        logit = (factors.right @ mean).float()
        for i, (name, _) in enumerate(self.problem.spec.readers[0].parts, start=1):
            logit = logit + self.problem.small[i] if name == "bias" else logit
        return logit.argsort(descending=True).to(torch.int32)

    def sweep(self) -> None:
        """Every block of words, and of tokens where these are many."""
        problem = self.problem
        tile = self._tile()
        words = -(-min(problem.way.words, problem.size) // tile.words) * tile.words
        for first in range(0, problem.size, words):
            stop = min(first + words, problem.size)
            for top in range(0, problem.count, problem.way.rows):
                rows = slice(top, min(top + problem.way.rows, problem.count))
                self._block(tile, rows, first, stop)
            for products in self.products.values():
                products.close(first, stop)

    def _tile(self) -> Tile:
        problem = self.problem
        rows = slice(0, min(problem.way.rows, problem.count))
        stop = min(problem.way.words, problem.size)
        kinds = tuple(factors.left.dtype for factors in problem.factors)
        depths = tuple(factors.left.shape[1] for factors in problem.factors)
        many = bucket(rows.stop)
        key = (self.kernel.source, kinds, depths, many, stop, problem.small[0].device)
        return fastest(key, kinds[0], lambda tile: self._launch(tile, rows, 0, stop))

    def _block(self, tile: Tile, rows: slice, first: int, stop: int) -> None:
        found = self._launch(tile, rows, first, stop)
        self._add_small(found, rows, first, stop)
        for slot, i in enumerate(self.wanted):
            live = None if self.limit is None else found.live[slot]
            self.products[i].add(found.draws[i], rows, first, stop, live, tile)

    def _launch(self, tile: Tile, rows: slice, first: int, stop: int) -> "_Block":
        problem, device = self.problem, self.problem.small[0].device
        count, words = rows.stop - rows.start, stop - first
        row_tiles, word_tiles = -(-count // tile.rows), -(-words // tile.words)

        def room(rows: int, *shape: int, kind: torch.dtype = torch.float32) -> Tensor:
            return torch.empty((max(rows, 1), *shape), dtype=kind, device=device)

        found = _Block(
            {i: self._draw(i, count, words) for i in self.wanted},
            room(len(self.wanted), row_tiles, word_tiles, kind=torch.int8),
            room(len(self.kernel.by_word), row_tiles, words),
            room(len(self.kernel.by_row), word_tiles, count),
        )
        names = self.kernel.run.arg_names
        given = problem.arguments(names, rows)
        for i, draw in found.draws.items():
            given |= {f"draw{i}": draw, f"draw_stride{i}": draw.stride(0)}
        if "found_ids" in names:
            given["found_ids"] = self.saved.ids[:, rows.start :]
        flat = self.saved.flat
        self.kernel.run[(row_tiles * word_tiles,)](
            **given,
            targets=problem.small[0][rows],
            order=problem.small[0] if self.order is None else self.order,
            inverse=problem.small[0] if self.inverse is None else self.inverse,
            flat=flat[:, rows.start :],
            live=found.live,
            limit=flat if self.limit is None else self.limit,
            by_word=found.by_word,
            by_row=found.by_row,
            count=count,
            words_count=words,
            size=problem.size,
            first=first,
            first_id=problem.way.first,
            flat_stride=flat.stride(0),
            row_tiles=row_tiles,
            word_tiles=word_tiles,
            GROUP=8,
            SORTED=self.order is not None,
            FILTER=self.limit is not None,
            **tile.sizes([factors.left.shape[1] for factors in problem.factors]),
        )
        return found

    def _draw(self, i: int, count: int, words: int) -> Tensor:
        left = self.problem.factors[i].left
        # Rows begin where wide loads may begin; the interpreter rounds bfloat16 wrongly.
        width = -(-words // 16) * 16
        kind = torch.float32 if interpreted() else left.dtype
        return torch.empty((count, width), dtype=kind, device=left.device)

    def _add_small(self, found: "_Block", rows: slice, first: int, stop: int) -> None:
        spec = self.problem.spec
        for (i, column), tile in zip(self.kernel.by_word, found.by_word, strict=False):
            into = self.sums[i] if self.sums[i].ndim == 1 else self.sums[i][:, column]
            if self.order is None:
                into[first:stop] += tile.sum(0)
            else:
                into.index_add_(0, self.order[first:stop].long(), tile.sum(0))
        for i, tile in zip(self.kernel.by_row, found.by_row, strict=False):
            total = tile.sum(0)
            if spec.axes[i] == "row":
                self.sums[i][rows] += total
            else:
                self.sums[i] += total.sum()

    def finish(self) -> list[Tensor | None]:
        """Every gradient in its tensor's dtype."""
        found: list[Tensor | None] = [None] * len(self.needs)
        for i in self.wanted:
            for at, grad in zip(
                self.problem.factors[i].places, self.products[i].finish(), strict=True
            ):
                found[at] = grad
        for i, total in self.sums.items():
            at = self.problem.first + i
            found[at] = total.to(self.problem.tensors[at].dtype)
        return found


@dataclass(frozen=True, eq=False)
class _Block:
    """What the kernel wrote for some tokens and words.

    Args:
        draws: gradients on products, `[n, B]`, by number.
        live: which tiles were not dropped, `[products, row tiles, word tiles]`.
        by_word: sums over tokens, `[rows, row tiles, B]`.
        by_row: sums over words, `[rows, word tiles, n]`.
    """

    draws: dict[int, Tensor]
    live: Tensor
    by_word: Tensor
    by_row: Tensor
