"""Runs a prepared sweep on its backends."""

from torch import Tensor

from likely.vocab import _operators, _reference
from likely.vocab._parts import Found, Part, in_parts
from likely.vocab._prepared import Prepared
from likely.vocab.moments._accumulator import State


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
    return in_parts(spec, asked.way, tensors, asked.groups, _sweep)


def _sweep(part: Part) -> Found:
    found = _operators.sweep(part.tensors, _operators.key_of(part.spec, part.way))
    readers = len(part.spec.readers)
    return found[:readers], part.spec.unflatten(found[readers:])
