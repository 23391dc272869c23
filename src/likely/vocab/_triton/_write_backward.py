"""Writes the backward kernel of a sweep: the gradient on products of a block of words."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from likely.vocab._spec import Spec
from likely.vocab._triton._source import (
    about_shift,
    built,
    logits,
    places_of,
    products_of,
    target_logit,
    terms_of,
)
from likely.vocab._triton._templates import BACKWARD, IMPORTS
from likely.vocab._triton._term import Saved
from likely.vocab._triton._writer import Kernel
from likely.vocab.moments._accumulator import LOWEST


@dataclass(frozen=True)
class Backward:
    """A backward kernel, and what it stores.

    Args:
        run: the kernel.
        source: what it was made from.
        by_word: small tensor and column of each row that is summed over a tile's tokens.
        by_row: small tensor of each row that is summed over a tile's words.
    """

    run: Any
    source: str
    by_word: tuple[tuple[int, int], ...]
    by_row: tuple[int, ...]


@lru_cache(maxsize=256)
def backward(
    spec: Spec,
    widths: tuple[int, ...],
    saved: tuple[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]], ...],
    products: tuple[int, ...],
    small: frozenset[int],
) -> Backward:
    """The backward kernel of a sweep.

    Args:
        spec: the sweep.
        widths: how many entries a token or word has in each small tensor.
        saved: for each accumulator the rows of the gradients on its state, of its state, and of
            its whole numbers; empty where it has no gradient.
        products: which products want a gradient.
        small: which small tensors want one.

    Returns:
        The kernel.
    """
    kernel, terms = Kernel(sorts=True), terms_of(spec, widths)
    pulled = [(t, rows) for t, rows in zip(terms, saved, strict=True) if rows[0]]
    source = IMPORTS
    if any(term.target_logit for term, _ in pulled):
        source += target_logit(spec, kernel)
    logits(kernel, spec)
    for i in range(len(spec.readers)):
        kernel.head += [
            f"base{i} = tl.load(flat + {i} * flat_stride + rows)",
            f'base{i} = tl.where(base{i} == float("-inf"), 0.0, base{i})',
        ]
        kernel.add(*about_shift(i))
    kernel.add(*(f"d{p} = tl.zeros((BN, BV), dtype=tl.float32)" for p in range(products_of(spec))))
    columns: list[tuple[int, int, str]] = []
    for term, rows in pulled:
        term.backward(kernel, Saved(*rows, small, columns))
    sums: dict[int, str] = {}
    for placed in places_of(spec):
        d = f"d{placed.number}"
        kernel.add(f"{d} = tl.where(x{placed.number} <= {LOWEST!r}, 0.0, {d})")
        sums |= placed.back(kernel, d, small.__contains__)
    by_word, by_row = _sum_up(kernel, spec, columns, sums)
    for slot, p in enumerate(products):
        _draw(kernel, slot, p)
    source += kernel.write("backward", BACKWARD)
    return Backward(built(source, "backward"), source, by_word, by_row)


def _sum_up(
    kernel: Kernel, spec: Spec, columns: list[tuple[int, int, str]], sums: dict[int, str]
) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Write the sums of a tile's gradients on small tensors, over its tokens or its words."""
    by_word = [*columns, *((n, 0, tile) for n, tile in sums.items() if spec.axes[n] == "column")]
    by_row = [(n, tile) for n, tile in sums.items() if spec.axes[n] != "column"]
    for i, (_, _, tile) in enumerate(by_word):
        some = f"tl.sum(tl.where(inside, {tile}, 0.0), 0)"
        at = f"by_word_here + {i} * row_tiles * words_count"
        kernel.tail.append(f"tl.store({at}, {some}, mask=word_in)")
    for i, (_, tile) in enumerate(by_row):
        some = f"tl.sum(tl.where(inside, {tile}, 0.0), 1)"
        at = f"by_row_here + {i} * word_tiles * count"
        kernel.tail.append(f"tl.store({at}, {some}, mask=row_in)")
    return tuple((n, j) for n, j, _ in by_word), tuple(n for n, _ in by_row)


def _draw(kernel: Kernel, slot: int, product: int) -> None:
    """Write how the gradient on a product is stored: all of it, or where it is not small."""
    draw, stride = (kernel.argument(f"{name}{product}") for name in ("draw", "draw_stride"))
    here = f"{draw} + rows[:, None] * {stride} + word[None, :]"
    store = f"tl.store({here}, d{product}.to({draw}.dtype.element_ty), mask=inside)"
    # A gradient that is no number is not small.
    size = f'tl.where(d{product} == d{product}, tl.abs(d{product}), float("inf"))'
    kernel.tail += [
        "if FILTER:",
        f"    large = tl.max(tl.max(tl.where(inside, {size}, 0.0), 1), 0)",
        f"    keep{product} = large >= tl.load(limit)",
        f"    flag = live + ({slot} * row_tiles + i) * word_tiles + j",
        f"    tl.store(flag, keep{product}.to(tl.int8))",
        f"    if keep{product}:",
        f"        {store}",
        "else:",
        f"    {store}",
    ]
