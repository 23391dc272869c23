"""Cross-entropy without logits, with a gradient filter or without, and its errors."""

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from likely.core.head import Head
from likely.vocab.scan import scan

HELD = 2**18
"""Logits held at once where errors and memory are measured: many blocks at these sizes."""


def cut(
    hidden: Float[Tensor, "N D"],
    head: Head,
    targets: Int[Tensor, "N"],
    *,
    filter_eps: float | None = None,
    block: int | None = None,
) -> Float[Tensor, "N"]:
    """Cross-entropy without the logits; backward computes them again, block by block, as CCE does.

    Args:
        hidden: states.
        head: what turns them into logits.
        targets: the token that came next.
        filter_eps: of the gradient filter; None for none. It looks at the gradient of what is
            differentiated, so that should be a sum over tokens and not a mean.
        block: logits held at once.

    Returns:
        The loss of every token.
    """
    settings: dict[str, Any] = {"backend": "chunked", "block": block, "compiled": False}
    stats = scan(hidden, head, targets, {"log_prob"}, filter_eps=filter_eps, **settings)
    values: Tensor = -stats["log_prob"]
    return values


def in_order(
    hidden: Float[Tensor, "N D"], head: Head, targets: Int[Tensor, "N"]
) -> tuple[Head, Int[Tensor, "N"]]:
    """The same question with words sorted by their mean logit, as CCE sorts them.

    Words that nobody expects then lie together, in blocks that a filter can drop.

    Args:
        hidden: states.
        head: a product and nothing else.
        targets: the token that came next.

    Returns:
        The head with its words in order, and where the targets are now.
    """
    with torch.no_grad():
        order = (head.weight @ hidden.mean(0)).argsort(descending=True)
    return replace(head, weight=head.weight[order]), order.argsort()[targets]


def errors(
    hidden: Float[Tensor, "N D"],
    weight: Float[Tensor, "V D"],
    targets: Int[Tensor, "N"],
    filter_eps: float,
) -> dict[str, float]:
    """How far loss and gradients are from those of `F.cross_entropy` on float32 logits.

    Args:
        hidden: states.
        weight: of the head.
        targets: the token that came next.
        filter_eps: of the filter whose own error is measured too.

    Returns:
        Largest difference over largest value, of losses and of both gradients; the same against
        float64, of ours and of `F.cross_entropy`; and the norm of what the filter takes from
        each gradient, over the gradient's.
    """
    leaves = [t.detach().float().requires_grad_() for t in (hidden, weight)]
    dense = _dense(leaves, targets)
    truth = _dense([t.detach().double().requires_grad_() for t in leaves], targets)
    ours = _ours(leaves, targets, None)
    names = ("loss", "hidden", "weight")
    found = {f"{n}_error": _largest(a, b) for n, a, b in zip(names, ours, dense, strict=True)}
    found["relative_error"] = max(found.values())
    found["float64_error"] = max(map(_largest, ours, truth))
    found["dense_float64_error"] = max(map(_largest, dense, truth))
    filtered = _ours(leaves, targets, filter_eps)
    for name, a, b in zip(names[1:], filtered[1:], ours[1:], strict=True):
        found[f"{name}_filter_error"] = float((a - b).norm() / b.norm())
    return found


def _ours(leaves: list[Tensor], targets: Tensor, eps: float | None) -> list[Tensor]:
    hidden, weight = leaves
    # A filter needs the tokens of its blocks at once; without one, blocks are small.
    asked = (Head(weight), targets) if eps is None else in_order(hidden, Head(weight), targets)
    values = cut(hidden, *asked, filter_eps=eps, block=None if eps else HELD)
    return [values.detach(), *torch.autograd.grad(values.sum(), leaves)]


def _dense(leaves: list[Tensor], targets: Tensor) -> list[Tensor]:
    values = F.cross_entropy(leaves[0] @ leaves[1].T, targets, reduction="none")
    return [values.detach(), *torch.autograd.grad(values.sum(), leaves)]


def _largest(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max())
