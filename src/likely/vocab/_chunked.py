"""The backend that holds one block of the vocabulary at a time, forward and backward.

Each tile of the weight's gradient is one product over all tokens, so nothing [V, D] is added up in
low precision; the hidden states' gradient is added up in float32.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from likely.core.head import Head
from likely.vocab._plan import Key
from likely.vocab.moments._accumulator import LOWEST, Accumulator, Block, State, add_up

BLOCK_BYTES = 2**26
"""How much one block of logits may take when the caller does not say."""

Sums = tuple[Tensor, dict[Key, State], int]


def run(
    hidden: Tensor,
    head: Head,
    targets: Tensor,
    sums: tuple[Accumulator, ...],
    block: int | None = None,
) -> Sums:
    """Sweep the vocabulary; the logits live one block at a time.

    Args:
        hidden: `[N, D]`.
        head: what turns states into logits.
        targets: `[N]`.
        sums: what to add up.
        block: words held at once; by default as many as fit 64 MiB.

    Returns:
        The shift `[N]`, final states by key, and the number of sweeps.
    """
    block = block or max(256, BLOCK_BYTES // (4 * max(len(hidden), 1)))
    first = tuple(one for one in sums if not one.after)
    second = tuple(one for one in sums if one.after)
    columns = [p for one in first for p in one.parameters]
    shift, at_target, *flat = _Sweep.apply(  # type: ignore[no-untyped-call]
        hidden, head.weight, head.bias, head, targets, first, block, *columns
    )
    states: dict[Key, State] = {}
    for one in first:
        width = len(one.start(shift[:0]))
        states[one.key()], flat = tuple(flat[:width]), flat[width:]
    with torch.no_grad():
        late = {one.key(): one.start(shift) for one in second}
        for at, z in _tiles(hidden, head, block) if second else ():
            seen = Block(z - at_target[:, None], at.start, targets)
            late = {one.key(): one.add(late[one.key()], seen) for one in second}
    return shift, states | late, 2 if second else 1


def _tiles(hidden: Tensor, head: Head, block: int) -> Iterator[tuple[slice, Tensor]]:
    for at in _blocks(head, block):
        yield at, head.logits(hidden, at)


def _blocks(head: Head, block: int) -> Iterator[slice]:
    for start in range(0, head.size, block):
        yield slice(start, min(start + block, head.size))


class _Sweep(torch.autograd.Function):
    """States, weight, bias, columns → shift, the targets' logits, and the parts of every sum."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> tuple[Tensor, ...]:
        """Merge block after block: move every sum to the new shift, then add."""
        hidden, _, _, head, targets, sums, block, *_ = given
        like = torch.promote_types(hidden.dtype, torch.float32)
        shift = torch.full((len(hidden),), -torch.inf, dtype=like, device=hidden.device)
        at_target = torch.zeros_like(shift)
        states = [one.start(shift) for one in sums]
        for at, z in _tiles(hidden, head, block):
            new = torch.maximum(shift, z.amax(-1))
            # Before the first finite logit nothing was summed, and no move is needed.
            rise = (new - shift).where(shift.isfinite(), torch.zeros_like(new))
            base = new.where(new.isfinite(), torch.zeros_like(new))
            seen = Block((z - base[:, None]).clamp_min(LOWEST), at.start, targets)
            states = [
                one.add(one.move(state, rise), seen)
                for one, state in zip(sums, states, strict=True)
            ]
            column, inside = seen.where_is(targets[:, None])
            at_target = (
                at_target + z.gather(1, column).where(inside, torch.zeros_like(base[:, None]))[:, 0]
            )
            shift = new
        flat = [part for state in states for part in state]
        whole = [part for part in flat if not part.is_floating_point()]
        ctx.mark_non_differentiable(shift, at_target, *whole)
        ctx.save_for_backward(hidden, targets, shift, *whole)
        ctx.head, ctx.sums, ctx.block = head, sums, block
        # The backward pass runs outside the caller's autocast; its logits must be the same ones.
        kind = hidden.device.type
        ctx.autocast = (kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind))
        ctx.is_whole = [not part.is_floating_point() for part in flat]
        ctx.set_materialize_grads(False)
        return shift, at_target, *flat

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        """One cotangent on the logits, whatever was asked for."""
        hidden, targets, shift, *whole = ctx.saved_tensors
        head, sums = ctx.head, ctx.sums
        ids = iter(whole)
        flat = [next(ids) if fixed else g for g, fixed in zip(grads[2:], ctx.is_whole, strict=True)]
        parts = []
        for one in sums:
            width = len(one.start(shift[:0]))
            parts.append(flat[:width])
            flat = flat[width:]
        to_hidden = torch.zeros_like(hidden, dtype=shift.dtype)
        to_weight = torch.zeros_like(head.weight) if ctx.needs_input_grad[1] else None
        to_bias = torch.zeros_like(head.bias) if ctx.needs_input_grad[2] else None
        to_columns = [torch.zeros_like(p) for one in sums for p in one.parameters]
        kind, dtype, enabled = ctx.autocast
        for at in _blocks(head, ctx.block):
            with torch.autocast(kind, dtype=dtype, enabled=enabled):
                z = head.logits(hidden, at)
            seen = Block((z - shift[:, None]).clamp_min(LOWEST), at.start, targets)
            rows = [
                r
                for one, g in zip(sums, parts, strict=True)
                for r in one.parameter_cotangent(g, seen)
            ]
            for column, row in zip(to_columns, rows, strict=True):
                column[at] = row
            dz = add_up([one.cotangent(g, seen) for one, g in zip(sums, parts, strict=True)])
            if dz is None:
                continue
            dz = dz * head.slope(z)
            if head.exclude is not None:
                dz = dz.masked_fill(head.exclude[at], 0.0)
            if to_bias is not None:
                to_bias[at] = dz.sum(0).to(to_bias.dtype)
            narrow = dtype if enabled else hidden.dtype
            dz = dz.to(narrow)
            to_hidden += dz @ head.weight[at].to(narrow)
            if to_weight is not None:
                to_weight[at] = (dz.T @ hidden.to(narrow)).to(to_weight.dtype)
        return (to_hidden.to(hidden.dtype), to_weight, to_bias, None, None, None, None, *to_columns)
