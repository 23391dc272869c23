"""Writes the two kernels of a sweep: forward, and the gradient on products of a block of words."""

import linecache
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

from likely.vocab._spec import Spec
from likely.vocab._triton._form import Placed
from likely.vocab._triton._templates import BACKWARD, FORWARD, IMPORTS, TARGET
from likely.vocab._triton._term import Saved, Term
from likely.vocab._triton._terms import TERMS
from likely.vocab._triton._writer import Kernel
from likely.vocab.moments._accumulator import LOWEST
from likely.vocab.moments._tilted import LowRank

SIZES = "BN, BV, BD, EVEN, UPCAST, PRECISION"


@dataclass(frozen=True)
class Forward:
    """A forward kernel, and what it stores.

    Args:
        run: the kernel.
        source: what it was made from.
        floats: rows of float32 that each split stores: shifts, then states.
        wholes: rows of whole numbers that it stores.
        scattered: rows of logits of chosen words.
        terms: the accumulators, in order.
    """

    run: Any
    source: str
    floats: int
    wholes: int
    scattered: int
    terms: tuple[Term, ...]


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


def terms_of(spec: Spec, widths: Sequence[int]) -> list[Term]:
    """The accumulators as parts of a kernel.

    Args:
        spec: the sweep.
        widths: how many entries a token or word has in each small tensor.

    Returns:
        One a sum.
    """
    readers = {reader.name: i for i, reader in enumerate(spec.readers)}
    at = 1 + sum(len(reader.parts) for reader in spec.readers)
    product = len(spec.readers)
    found = []
    for number, one in enumerate(spec.sums):
        given = [(at + i, widths[at + i]) for i in range(len(one.axes))]
        own = product if isinstance(one, LowRank) else -1
        product += own >= 0
        found.append(TERMS[type(one)](one, number, given, readers, own))
        at += len(one.axes)
    return found


def products_of(spec: Spec) -> int:
    """How many products a tile has: one a reader, and those of accumulators.

    Args:
        spec: the sweep.

    Returns:
        Their number.
    """
    return len(spec.readers) + sum(isinstance(one, LowRank) for one in spec.sums)


def _placed(spec: Spec) -> list[Placed]:
    at, found = 1, []
    for number, reader in enumerate(spec.readers):
        found.append(Placed(reader, number, at))
        at += len(reader.parts)
    return found


def _multiply(kernel: Kernel, number: int) -> None:
    names = [kernel.argument(f"{name}{number}") for name in ("left", "right", "width")]
    strides = [kernel.argument(f"{name}_stride{number}") for name in ("left", "right")]
    left, right, width = names
    kernel.add(
        f"z{number} = product({left}, {right}, rows, place, {width}, {', '.join(strides)}, {SIZES})"
    )


def _logits(kernel: Kernel, spec: Spec, mask: bool = True) -> None:
    for placed in _placed(spec):
        _multiply(kernel, placed.number)
        placed.logits(kernel)
        z = f"z{placed.number}"
        if mask:
            kernel.add(f'{z} = tl.where(word_in[None, :], {z}, float("-inf"))')
    for number in range(len(spec.readers), products_of(spec)):
        _multiply(kernel, number)


def _about_shift(i: int) -> list[str]:
    # A comparison keeps what is no number, which a maximum would replace.
    return [
        f"x{i} = z{i} - base{i}[:, None]",
        f"x{i} = tl.where(x{i} < {LOWEST!r}, {LOWEST!r}, x{i})",
    ]


def _target(spec: Spec, kernel: Kernel) -> str:
    """How the target's logit is known, and the source of what finds it."""
    if spec.known_target:
        last = kernel.argument(f"t{len(spec.axes) - 1}")
        kernel.head.append(f"target_logit = tl.load({last} + rows)")
        return ""
    own = Kernel()
    placed = _placed(spec)[0]
    _multiply(own, 0)
    placed.logits(own)
    for argument in own.arguments:
        kernel.argument(argument)
    given = ", ".join([*own.arguments, "targets", "first_row", "count", "first_id"])
    kernel.head.append(f"target_logit = logit_of_target({given}, {SIZES})")
    return own.write("logit_of_target", TARGET)


@lru_cache(maxsize=256)
def forward(spec: Spec, widths: tuple[int, ...]) -> Forward:
    """The forward kernel of a sweep.

    Args:
        spec: the sweep.
        widths: how many entries a token or word has in each small tensor.

    Returns:
        The kernel.
    """
    kernel, terms = Kernel(), terms_of(spec, widths)
    source = IMPORTS
    if any(term.target_logit for term in terms):
        source += _target(spec, kernel)
    _logits(kernel, spec)
    for term in terms:
        if term.early:
            term.forward(kernel)
    for i in range(len(spec.readers)):
        kernel.head.append(f'shift{i} = tl.full((BN,), float("-inf"), tl.float32)')
        kernel.add(
            f"risen{i} = tl.maximum(shift{i}, tl.max(z{i}, 1))",
            f'base{i} = tl.where(risen{i} == float("-inf"), 0.0, risen{i})',
            f'rise{i} = base{i} - tl.where(shift{i} == float("-inf"), base{i}, shift{i})',
            f"shift{i} = risen{i}",
            *_about_shift(i),
        )
        kernel.tail.append(f'base{i} = tl.where(shift{i} == float("-inf"), 0.0, shift{i})')
    for term in terms:
        if not term.early:
            term.forward(kernel)
    floats, wholes, scattered = _store(kernel, spec, terms)
    source += kernel.write("forward", FORWARD)
    return Forward(_built(source, "forward"), source, floats, wholes, scattered, tuple(terms))


def _store(kernel: Kernel, spec: Spec, terms: Sequence[Term]) -> tuple[int, int, int]:
    """Write what is stored, in the order in which it is read back."""
    floats = [f"shift{i}" for i in range(len(spec.readers))]
    wholes: list[str] = []
    wide: list[str] = []
    scattered = 0
    for term in terms:
        floats += term.outputs
        wholes += term.whole
        scattered += term.scattered
    rows, ids = len(floats), len(wholes)
    for term in terms:
        if term.wide:
            best, slot = term.name("best"), term.name("slot")
            mask = f"row_in[:, None] & ({slot} < {term.wide})"
            wide += [
                f"tl.store(out_here[:, None] + ({rows} + {slot}) * count, {best}, mask={mask})",
                f"tl.store(whole_here[:, None] + ({ids} + {slot}) * count, {term.name('ids')},"
                f" mask={mask})",
            ]
            rows, ids = rows + term.wide, ids + term.wide
    kernel.tail += [
        f"tl.store(out_here + {i} * count, {value}, mask=row_in)" for i, value in enumerate(floats)
    ]
    kernel.tail += [
        f"tl.store(whole_here + {i} * count, {value}, mask=row_in)"
        for i, value in enumerate(wholes)
    ]
    kernel.tail += wide
    return rows, ids, scattered


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
        source += _target(spec, kernel)
    _logits(kernel, spec)
    for i in range(len(spec.readers)):
        kernel.head += [
            f"base{i} = tl.load(flat + {i} * flat_stride + rows)",
            f'base{i} = tl.where(base{i} == float("-inf"), 0.0, base{i})',
        ]
        kernel.add(*_about_shift(i))
    kernel.add(*(f"d{p} = tl.zeros((BN, BV), dtype=tl.float32)" for p in range(products_of(spec))))
    columns: list[tuple[int, int, str]] = []
    for term, rows in pulled:
        term.backward(kernel, Saved(*rows, small, columns))
    sums: dict[int, str] = {}
    for placed in _placed(spec):
        d = f"d{placed.number}"
        kernel.add(f"{d} = tl.where(x{placed.number} <= {LOWEST!r}, 0.0, {d})")
        sums |= placed.back(kernel, d, small.__contains__)
    by_word, by_row = _sum_up(kernel, spec, columns, sums)
    for slot, p in enumerate(products):
        _draw(kernel, slot, p)
    source += kernel.write("backward", BACKWARD)
    return Backward(_built(source, "backward"), source, by_word, by_row)


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


_NUMBERS = count()


def _built(source: str, name: str) -> Any:
    """The kernel of a source; Triton reads it again from `linecache`."""
    file = f"<likely kernel {next(_NUMBERS)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    found: dict[str, Any] = {"__name__": "likely.vocab._triton.written"}
    exec(compile(source, file, "exec"), found)
    return found[name]
