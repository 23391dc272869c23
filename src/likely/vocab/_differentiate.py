"""Reverse-mode differentiation where autograd is off: inside the operators' own code."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

_KEYS = ("AutogradFunctionality", "AutogradCPU", "AutogradCUDA", "AutogradOther", "ADInplaceOrView")


@contextmanager
def _autograd() -> Iterator[None]:
    """Autograd as at the top of a program.

    An operator's code runs below autograd. `torch.func.vjp` climbs back by itself, but not while
    a dispatch mode (a counter of operations, selective checkpointing) looks on.
    """
    with ExitStack() as stack:
        for name in _KEYS:
            key = getattr(torch._C.DispatchKey, name)
            stack.enter_context(torch._C._SetExcludeDispatchKeyGuard(key, False))  # type: ignore[attr-defined]
        stack.enter_context(torch.enable_grad())
        yield


def vjp(
    f: Callable[..., Any], *leaves: Tensor, has_aux: bool = False
) -> tuple[Any, Callable[[Any], tuple[Tensor, ...]], Any]:
    """A function's value, and what pulls gradients back through it, once.

    Args:
        f: maps the leaves to a tensor or a tuple of tensors; with `has_aux`, to that and anything.
        leaves: floating-point tensors.
        has_aux: whether the function returns something besides.

    Returns:
        The value without gradient, a function from gradients on it to gradients on the leaves, and
        what was returned besides (None without `has_aux`).
    """
    with _autograd():
        fresh = [leaf.detach().requires_grad_() for leaf in leaves]
        found = f(*fresh)
    found, aux = found if has_aux else (found, None)
    several = found if isinstance(found, tuple) else (found,)

    def pull(grads: Sequence[Tensor] | Tensor) -> tuple[Tensor, ...]:
        given = (grads,) if isinstance(grads, Tensor) else grads
        pairs = [(t, g) for t, g in zip(several, given, strict=True) if t.requires_grad]
        if not pairs:
            return tuple(torch.zeros_like(leaf) for leaf in fresh)
        outputs = [t for t, _ in pairs]
        upstream = [g.to(t.dtype) for t, g in pairs]
        with _autograd():
            pulled = torch.autograd.grad(outputs, fresh, upstream, allow_unused=True)
        return tuple(
            torch.zeros_like(leaf) if g is None else g
            for leaf, g in zip(fresh, pulled, strict=True)
        )

    value = tuple(t.detach() for t in several)
    return (value if isinstance(found, tuple) else value[0]), pull, aux
