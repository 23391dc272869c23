"""Writes the forward kernel of a sweep."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from likely.vocab._spec import Spec
from likely.vocab._triton._source import about_shift, built, logits, target_logit, terms_of
from likely.vocab._triton._templates import FORWARD, IMPORTS
from likely.vocab._triton._term import Term
from likely.vocab._triton._writer import Kernel


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
        source += target_logit(spec, kernel)
    logits(kernel, spec)
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
            *about_shift(i),
        )
        kernel.tail.append(f'base{i} = tl.where(shift{i} == float("-inf"), 0.0, shift{i})')
    for term in terms:
        if not term.early:
            term.forward(kernel)
    floats, wholes, scattered = _store(kernel, spec, terms)
    source += kernel.write("forward", FORWARD)
    return Forward(built(source, "forward"), source, floats, wholes, scattered, tuple(terms))


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
