"""A sweep in parts: each is run in its own way, and their states are put together again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from likely.vocab._spec import SELF, Spec
from likely.vocab._way import Way
from likely.vocab.moments._accumulator import Accumulator, State

Found = tuple[Sequence[Tensor], Sequence[State]]
"""Shifts, one a reader, and states, one an accumulator."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some accumulators of a sweep, with the readers and tensors that they need.

    Args:
        numbers: of the accumulators in the whole sweep.
        spec: what is summed.
        way: how.
        tensors: in the order of `spec`.
    """

    numbers: tuple[int, ...]
    spec: Spec
    way: Way
    tensors: list[Tensor]


def readers_of(one: Accumulator) -> set[str]:
    """The readers whose logits an accumulator looks at.

    Args:
        one: the accumulator.

    Returns:
        Their names.
    """
    return {SELF} | {getattr(one, name, SELF) for name in ("reader", "weigher")}


def part_of(spec: Spec, way: Way, tensors: Sequence[Tensor], numbers: Sequence[int]) -> Part:
    """A part of a sweep.

    Args:
        spec: the whole.
        way: how the part is run.
        tensors: of the whole.
        numbers: which accumulators.

    Returns:
        The part.
    """
    if len(numbers) == len(spec.sums):
        return Part(tuple(numbers), spec, way, list(tensors))
    there = {SELF}.union(*(readers_of(spec.sums[i]) for i in numbers))
    sources: list[Tensor] = []
    at = 0
    for reader in spec.readers:
        width = 3 if reader.table else 2
        sources += tensors[at : at + width] if reader.name in there else []
        at += width
    small = list(tensors[at:])
    kept, rest = [small[0]], small[1:]
    for reader in spec.readers:
        own, rest = rest[: len(reader.parts)], rest[len(reader.parts) :]
        kept += own if reader.name in there else []
    for i, one in enumerate(spec.sums):
        own, rest = rest[: len(one.axes)], rest[len(one.axes) :]
        kept += own if i in numbers else []
    some = replace(
        spec,
        readers=tuple(reader for reader in spec.readers if reader.name in there),
        sums=tuple(spec.sums[i] for i in numbers),
    )
    return Part(tuple(numbers), some, way, [*sources, *kept, *rest])


def in_parts(
    spec: Spec,
    tensors: Sequence[Tensor],
    parts: Sequence[Part],
    run: Callable[[Part], Found],
) -> tuple[list[Tensor], list[State]]:
    """Run a sweep in parts.

    The largest logits of two parts can differ in the last digit, where two engines multiplied: the
    states of later parts move to the shifts of the first.

    Args:
        spec: the whole.
        tensors: of the whole.
        parts: every accumulator is in one of them.
        run: a part → its shifts and states.

    Returns:
        Shifts and states of the whole.
    """
    shifts: dict[str, Tensor] = {}
    states: dict[int, State] = {}
    for part in parts:
        found, own = run(part)
        by_name = part.spec.by_name(found)
        rises = {}
        for name, shift in by_name.items():
            kept = shifts.setdefault(name, shift)
            rises[name] = (kept - shift).where(shift.isfinite(), kept.new_zeros(()))
        same = all(shifts[name] is shift for name, shift in by_name.items())
        for number, one, state in zip(part.numbers, part.spec.sums, own, strict=True):
            states[number] = state if same else one.move(state, rises)
    empty = tensors[0].new_zeros(len(tensors[0]))
    in_order = [shifts.get(reader.name, empty) for reader in spec.readers]
    return in_order, [states[i] for i in range(len(spec.sums))]
