"""The most bytes that torch held at once, exactly, on a processor."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

Loss = Callable[[Tensor, Tensor, Tensor], Any]
"""States `[N, D]`, weight `[V, D]`, targets `[N]` → anything, after a backward pass."""


def peak_bytes(run: Callable[[], Any]) -> int:
    """The most bytes of tensors that were alive at once, above those that stay.

    Args:
        run: what is done; what it leaves behind, such as gradients, is taken off.

    Returns:
        Bytes, as torch's allocator counts them: scratch of operators is among them.
    """
    with _quiet(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        kept = run()
    events = seen.profiler.kineto_results.events() if seen.profiler else []
    changes = [(e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]"]
    alive = most = 0
    for _, change in sorted(changes, key=lambda one: one[0]):
        alive += change
        most = max(most, alive)
    del kept
    return most - alive


def growth(
    loss: Loss, *, tokens: int = 256, width: int = 64, few: int = 4096, times: int = 8
) -> tuple[float, float]:
    """Peak memory of a loss with its gradients, above the gradients, as the vocabulary grows.

    Args:
        loss: a loss and its backward pass.
        tokens: N.
        width: D.
        few: the smaller vocabulary.
        times: how much larger the other one is.

    Returns:
        Bytes with the larger vocabulary over those with the smaller one, and the larger in MiB.
    """
    found = []
    for size in (few, few * times):
        rng = torch.Generator().manual_seed(0)
        hidden = torch.randn(tokens, width, generator=rng).requires_grad_()
        weight = torch.randn(size, width, generator=rng).div_(width**0.5).requires_grad_()
        targets = torch.randint(size, (tokens,), generator=rng)
        found.append(peak_bytes(partial(loss, hidden, weight, targets)))
    return found[1] / found[0], found[1] / 2**20


@contextmanager
def _quiet() -> Iterator[None]:
    """The profiler tells when it starts and stops; nobody asked."""
    name = "KINETO_LOG_LEVEL"
    before = os.environ.get(name)
    os.environ[name] = "99"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
