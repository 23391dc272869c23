"""Runs a prepared sweep on its backends."""

from dataclasses import replace

import torch
from torch import Tensor

from likely.vocab import _operators, _reference
from likely.vocab._parts import Found, Part, in_parts, part_of
from likely.vocab._prepared import Prepared
from likely.vocab._spec import Spec
from likely.vocab.moments._accumulator import State
from likely.vocab.moments._extreme import TargetLogit


def run(asked: Prepared) -> tuple[list[Tensor], list[State]]:
    """Sum over the vocabulary.

    Args:
        asked: the sweep.

    Returns:
        Shifts, one a reader, and states, one an accumulator; autograd follows them.
    """
    spec, tensors = asked.spec, asked.tensors
    if not spec.sums:
        return [tensors[0].new_zeros(len(tensors[0]))] * len(spec.readers), []
    if asked.backend == "reference":
        return _reference.run(spec, asked.way, tensors)
    return in_parts(spec, tensors, _parts(asked), _sweep)


def _parts(asked: Prepared) -> list[Part]:
    plain = (asked.spec, asked.tensors)
    known = plain
    if asked.target_first:
        logit = _target_logit(asked)
        known = (replace(asked.spec, known_target=True), [*asked.tensors, logit])
    parts = []
    for numbers, way in asked.groups:
        reads = any(asked.spec.sums[i].reads_target for i in numbers)
        spec, tensors = known if reads else plain
        parts.append(part_of(spec, way, tensors, numbers))
    if asked.whole_rows is not None:
        numbers, way = asked.whole_rows
        parts.append(part_of(_of_gathered(asked.spec), way, asked.gathered, numbers))
    return parts


def _target_logit(asked: Prepared) -> Tensor:
    """In the blocks of the sweep itself: products of another shape may differ in the last digit."""
    spec, number = asked.spec, len(asked.spec.sums)
    more = replace(spec, sums=(*spec.sums, TargetLogit()))
    with torch.no_grad():
        _, states = _sweep(part_of(more, asked.way, asked.tensors, [number]))
    return states[0][0]


def _of_gathered(spec: Spec) -> Spec:
    """The same sweep where products of all words are gathered."""
    readers = tuple(
        reader if reader.source == "stored" else replace(reader, source="gathered")
        for reader in spec.readers
    )
    return replace(spec, readers=readers)


def _sweep(part: Part) -> Found:
    found = _operators.sweep(part.tensors, _operators.key_of(part.spec, part.way))
    readers = len(part.spec.readers)
    return found[:readers], part.spec.unflatten(found[readers:])
