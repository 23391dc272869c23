"""States of a sweep's parts on several processes, as those of the whole vocabulary.

One all-reduce takes the largest: the shifts, and beside them how large each log-sum is. One more
adds the sums, moved to those shifts, and the terms of the log-sums. Whole numbers travel in it too,
as floating-point numbers that hold them exactly (fewer than 2²⁴ words); else in a third one. What
merges by a rule of its own (`top`, draws, means over a subset) is gathered once, as bytes.
"""

from collections.abc import Mapping, Sequence
from functools import reduce

import torch
import torch.distributed as dist
from torch import Tensor

from likely.vocab._parts import readers_of
from likely.vocab._ranks import Ranks, gather
from likely.vocab._spec import SELF, Spec
from likely.vocab.moments._accumulator import Accumulator, State

Shifts = Mapping[str, Tensor]

EXACT = 2**24
"""Whole numbers up to here are exact in float32."""


def merge(
    spec: Spec, ranks: Ranks, shifts: Sequence[Tensor], flat: Sequence[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """Shifts and states of the whole vocabulary, the same on every process.

    Args:
        spec: what was summed.
        ranks: who holds which words.
        shifts: of the words here, one a reader.
        flat: states of the words here.

    Returns:
        Shifts and flat states.
    """
    states, here = spec.unflatten(flat), spec.by_name(shifts)
    logs = [i for i, one in enumerate(spec.sums) if one.merging == "log_sum"]
    sizes = [_absolute(spec.sums[i], states[i], here) for i in logs]
    wide = shifts[0].dtype
    packed = [*shifts, *(t for pair in sizes for t in pair)]
    largest = iter(ranks.reduce(packed, dist.ReduceOp.MAX, wide))
    final = [next(largest) for _ in shifts]
    there = spec.by_name(final)
    bases = {i: _base(spec.sums[i], [next(largest) for _ in pair], there)
             for i, pair in zip(logs, sizes, strict=True)}  # fmt: skip
    rises = {name: _rise(there[name], here[name]) for name in here}
    moved = [one.move(state, rises) for one, state in zip(spec.sums, states, strict=True)]
    found = _added(spec, ranks, moved, bases, wide)
    found |= _gathered(spec, ranks, moved)
    return final, [part for i in range(len(spec.sums)) for part in found[i]]


def _rise(new: Tensor, old: Tensor) -> Tensor:
    # Where no word can come nothing was summed, and no move is needed.
    return (new - old).where(old.isfinite() & new.isfinite(), torch.zeros_like(new))


def _absolute(one: Accumulator, state: State, shifts: Shifts) -> list[Tensor]:
    """A log-sum about 0; and, where a second reader has no word here, beside it the same about 0.

    Such a reader's x does not move with its shift, so the two cannot be compared before all shifts
    are known.
    """
    down = {name: -shift.where(shift.isfinite(), torch.zeros_like(shift))
            for name, shift in shifts.items()}  # fmt: skip
    (size,) = one.move(state, down)
    others = readers_of(one) - {SELF}
    if not others:
        return [size]
    there = torch.stack([shifts[name].isfinite() for name in others]).all(0)
    return [size.where(there, -torch.inf), size.where(~there, -torch.inf)]


def _base(one: Accumulator, sizes: Sequence[Tensor], shifts: Shifts) -> Tensor:
    """About how large the largest part of a log-sum is, about the final shifts; 0 for nothing."""
    zero = torch.zeros_like(sizes[0])
    up = {name: shift.where(shift.isfinite(), zero) for name, shift in shifts.items()}
    bases = [one.move((sizes[0],), up)[0]]
    if len(sizes) > 1:
        bases += one.move((sizes[1],), {name: up[name] if name == SELF else zero for name in up})
    largest = torch.stack(bases).amax(0)
    return largest.where(largest.isfinite(), zero)


def _added(
    spec: Spec, ranks: Ranks, moved: Sequence[State], bases: Mapping[int, Tensor], wide: torch.dtype
) -> dict[int, State]:
    """States that are sums, of numbers or of exponentials."""
    terms: list[Tensor] = []
    for i, one in enumerate(spec.sums):
        if one.merging == "sum":
            terms += moved[i]
        elif one.merging == "log_sum":
            terms.append((moved[i][0] - bases[i]).exp())
    packed = [t.is_floating_point() or ranks.total < EXACT for t in terms]
    sums = iter(ranks.reduce([t for t, p in zip(terms, packed, strict=True) if p],
                             dist.ReduceOp.SUM, wide))  # fmt: skip
    whole = iter(ranks.reduce([t for t, p in zip(terms, packed, strict=True) if not p],
                              dist.ReduceOp.SUM, torch.int64))  # fmt: skip
    every = iter([next(sums) if p else next(whole) for p in packed])
    found: dict[int, State] = {}
    for i, one in enumerate(spec.sums):
        if one.merging == "sum":
            found[i] = tuple(next(every) for _ in moved[i])
        elif one.merging == "log_sum":
            total = next(every)
            found[i] = (torch.where(total == 0, -torch.inf, total.log() + bases[i]),)
    return found


def _gathered(spec: Spec, ranks: Ranks, moved: Sequence[State]) -> dict[int, State]:
    """States that merge by their own rule, in the order of the words."""
    own = [i for i, one in enumerate(spec.sums) if one.merging == "own"]
    parts = [part.contiguous() for i in own for part in moved[i]]
    if not any(part.numel() for part in parts):
        return {i: moved[i] for i in own}
    sent = gather(ranks.group, torch.cat([part.reshape(-1).view(torch.uint8) for part in parts]))
    sizes = [part.numel() * part.element_size() for part in parts]
    by_rank = []
    for rank in ranks.order:
        pieces = torch.split(sent[rank], sizes)
        by_rank.append([piece.clone().view(part.dtype).view(part.shape)
                        for piece, part in zip(pieces, parts, strict=True)])  # fmt: skip
    found: dict[int, State] = {}
    for i in own:
        one = spec.sums[i]
        here = [tuple(flat.pop(0) for _ in range(one.width)) for flat in by_rank]
        found[i] = reduce(one.merge, here)
    return found
