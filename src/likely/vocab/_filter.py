"""Which blocks of the logits' gradient are so small that they are taken as 0."""

from collections.abc import Sequence

import torch
from torch import Tensor

from likely.vocab._spec import Spec
from likely.vocab._way import Filter, Way

FRACTION = 1 / 32
"""`auto` drops what is below this part of the dtype's epsilon, as Cut Cross-Entropy does."""


def is_legal(spec: Spec, grads: Sequence[Tensor | None]) -> bool:
    """Whether what is small may be dropped at all.

    The gradient of Σ z is the same for all words: each is small, and together they are not.

    Args:
        spec: what was summed.
        grads: on its flat states; None for zero.

    Returns:
        True where every gradient fades with the probability of its word.
    """
    at = 0
    for one in spec.sums:
        wanted = any(g is not None for g in grads[at : at + one.width])
        if wanted and not one.fades:
            return False
        at += one.width
    return True


def limit(
    spec: Spec, way: Way, states: Sequence[Tensor], grads: Sequence[Tensor | None]
) -> Tensor | None:
    """The size below which blocks are dropped.

    `auto` is a part of the products' precision, times the largest gradient that arrives at a token:
    a loss and a thousand times that loss lose the same blocks.

    Args:
        spec: what was summed.
        way: says how it is filtered.
        states: final flat states.
        grads: gradients on them; None for zero.

    Returns:
        One number, or None where nothing is dropped.
    """
    eps: Filter = way.filter_eps
    if eps is None or not is_legal(spec, grads):
        return None
    like = states[0] if states else torch.zeros(())
    if eps != "auto":
        return torch.tensor(eps, dtype=torch.float32, device=like.device)
    kind = getattr(torch, way.narrow or way.sums)
    return torch.finfo(kind).eps * FRACTION * _largest(spec, states, grads).float()


def _largest(spec: Spec, states: Sequence[Tensor], grads: Sequence[Tensor | None]) -> Tensor:
    """The most that the logits' gradient of one token can be, but for factors near 1."""
    at = 0
    by_token: Tensor | None = None
    for one in spec.sums:
        for state, grad in zip(
            states[at : at + one.width], grads[at : at + one.width], strict=True
        ):
            if grad is None:
                continue
            size = grad.abs()
            if one.smooth and one.merging == "sum":
                size = size * state.abs().clamp_min(1.0)
            size = (
                size.amax() if one.per_word else size.flatten(1).sum(1) if size.ndim > 1 else size
            )
            by_token = size if by_token is None else by_token + size
        at += one.width
    if by_token is None or not by_token.numel():
        return torch.zeros((), device=states[0].device if states else None)
    return by_token.amax()
