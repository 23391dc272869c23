"""A function of whole rows of logits: some tokens at a time, and once more in the backward pass."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from likely.core.head import Head

ROW_BYTES = 2**25
"""How much the logits of the tokens held at once may take, in float32."""


def row_values(
    fn: Callable[..., Tensor], hidden: Tensor, head: Head, *tensors: Tensor, rows: int | None = None
) -> Tensor:
    """One number a token from its whole row of logits; no more than `ROW_BYTES` of them live.

    Forward is one matrix product, backward three: the logits are computed again. Gradients reach
    states, weight, bias and `tensors`; those of the weight are added up in float32.

    Args:
        fn: `fn(logits, *tensors)` of some tokens gives one value a token and mixes no tokens.
        hidden: `[N, D]`.
        head: weight and bias are honoured; it has nothing else.
        tensors: what else `fn` reads, one row a token each.
        rows: tokens held at once; by default as many as `ROW_BYTES` allow.

    Returns:
        `[N]`, float32 (float64 for float64).
    """
    rows = rows or max(1, ROW_BYTES // (4 * head.size))
    found: Tensor = _Rows.apply(  # type: ignore[no-untyped-call]
        fn, rows, head, hidden, head.weight, head.bias, *tensors
    )
    return found


def _chunks(length: int, rows: int) -> Iterator[slice]:
    for start in range(0, length, rows):
        yield slice(start, min(start + rows, length))


class _Rows(torch.autograd.Function):
    """States, weight, bias, what else is read → one value a token."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        """Evaluate chunk after chunk."""
        fn, rows, head, hidden, weight, bias, *tensors = given
        like = torch.promote_types(hidden.dtype, torch.float32)
        values = torch.empty(len(hidden), dtype=like, device=hidden.device)
        for at in _chunks(len(hidden), rows):
            values[at] = fn(head.logits(hidden[at]), *(one[at] for one in tensors))
        ctx.save_for_backward(hidden, weight, bias, *tensors)
        ctx.fn, ctx.rows, ctx.head = fn, rows, replace(head, weight=weight[:0], bias=None)
        # The backward pass runs outside the caller's autocast; its logits must be the same ones.
        kind = hidden.device.type
        ctx.autocast = (kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind))
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> Any:
        """The cotangent on the logits by autograd, the rest as the engine does it."""
        hidden, weight, bias, *tensors = ctx.saved_tensors
        head = replace(ctx.head, weight=weight, bias=bias)
        _, _, _, _, for_weight, for_bias, *wanted = ctx.needs_input_grad
        like = upstream.dtype
        to_hidden = torch.zeros_like(hidden)
        to_weight = torch.zeros_like(weight, dtype=like) if for_weight else None
        to_bias = torch.zeros_like(bias, dtype=like) if for_bias else None
        to_tensors = [
            torch.zeros_like(t) if w else None for t, w in zip(tensors, wanted, strict=True)
        ]
        kind, dtype, enabled = ctx.autocast
        narrow = dtype if enabled else hidden.dtype
        for at in _chunks(len(hidden), ctx.rows):
            with torch.autocast(kind, dtype=dtype, enabled=enabled):
                z = head.logits(hidden[at])
            leaves = [z.detach().requires_grad_()]
            leaves += [
                t[at].detach().requires_grad_(w) for t, w in zip(tensors, wanted, strict=True)
            ]
            with torch.enable_grad():
                value = ctx.fn(*leaves)
            needed = [leaf for leaf in leaves if leaf.requires_grad]
            dz, *others = torch.autograd.grad(value, needed, upstream[at].to(value.dtype))
            for slot in to_tensors:
                if slot is not None:
                    slot[at] = others.pop(0)
            if to_bias is not None:
                to_bias += dz.sum(0)
            dz = dz.to(narrow)
            to_hidden[at] = (dz @ weight.to(narrow)).to(hidden.dtype)
            if to_weight is not None:
                to_weight += dz.T @ hidden[at].to(narrow)
        return (
            None,
            None,
            None,
            to_hidden,
            None if to_weight is None else to_weight.to(weight.dtype),
            None if to_bias is None else to_bias.to(bias.dtype),
            *to_tensors,
        )
