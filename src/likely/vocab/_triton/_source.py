"""What the sources of both kernels have in common: products, logits, the target's logit."""

import linecache
from collections.abc import Sequence
from itertools import count
from typing import Any

from likely.vocab._spec import Spec
from likely.vocab._triton._form import Placed
from likely.vocab._triton._templates import TARGET
from likely.vocab._triton._term import Term
from likely.vocab._triton._terms import TERMS
from likely.vocab._triton._writer import Kernel
from likely.vocab.moments._accumulator import LOWEST
from likely.vocab.moments._tilted import LowRank

SIZES = "BN, BV, BD, EVEN, UPCAST, PRECISION"


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


def places_of(spec: Spec) -> list[Placed]:
    """The readers of a sweep, with the places of their small tensors.

    Args:
        spec: the sweep.

    Returns:
        One a reader.
    """
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


def logits(kernel: Kernel, spec: Spec) -> None:
    """Write all products of a tile, and the logits of every reader.

    Args:
        kernel: what is written.
        spec: the sweep.
    """
    for placed in places_of(spec):
        _multiply(kernel, placed.number)
        placed.logits(kernel)
        z = f"z{placed.number}"
        kernel.add(f'{z} = tl.where(word_in[None, :], {z}, float("-inf"))')
    for number in range(len(spec.readers), products_of(spec)):
        _multiply(kernel, number)


def about_shift(i: int) -> list[str]:
    """Lines that take the shift off a reader's logits.

    Args:
        i: the reader's number.

    Returns:
        Source.
    """
    # A comparison keeps what is no number, which a maximum would replace.
    return [
        f"x{i} = z{i} - base{i}[:, None]",
        f"x{i} = tl.where(x{i} < {LOWEST!r}, {LOWEST!r}, x{i})",
    ]


def target_logit(spec: Spec, kernel: Kernel) -> str:
    """Write how the target's logit is known.

    Args:
        spec: the sweep.
        kernel: what is written.

    Returns:
        The source of a function that finds it; empty where it is given.
    """
    if spec.known_target:
        last = kernel.argument(f"t{len(spec.axes) - 1}")
        kernel.head.append(f"target_logit = tl.load({last} + rows)")
        return ""
    own = Kernel()
    placed = places_of(spec)[0]
    _multiply(own, 0)
    placed.logits(own)
    for argument in own.arguments:
        kernel.argument(argument)
    given = ", ".join([*own.arguments, "targets", "first_row", "count", "first_id"])
    kernel.head.append(f"target_logit = logit_of_target({given}, {SIZES})")
    return own.write("logit_of_target", TARGET)


_NUMBERS = count()


def built(source: str, name: str) -> Any:
    """The kernel of a source; Triton reads it again from `linecache`.

    Args:
        source: Python.
        name: of the function that is wanted.

    Returns:
        What `triton.jit` made of it.
    """
    file = f"<likely kernel {next(_NUMBERS)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    found: dict[str, Any] = {"__name__": "likely.vocab._triton.written"}
    exec(compile(source, file, "exec"), found)
    return found[name]
