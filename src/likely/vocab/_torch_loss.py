"""The losses of class indices and of probabilities, as torch defines and reduces them."""

import torch
from torch import Tensor

from likely.vocab._dense_rows import row_values
from likely.vocab._rows import keep, nothing_is_nan, weight_or_one
from likely.vocab._token_loss import TokenLoss
from likely.vocab._torch_cross_entropy import WHERE, Problem


def of_indices(
    problem: Problem,
    weight: Tensor | None,
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
) -> Tensor:
    """The loss where targets are class indices.

    Args:
        problem: what the loss is of.
        weight: class weights.
        reduction: one of three.
        ignore_index: targets of this value do not count.
        label_smoothing: from 0 to 1.

    Returns:
        The loss, float32 at least.
    """
    hidden, heads = problem.hidden, problem.heads
    like = torch.promote_types(hidden.dtype, torch.float32)
    rows = [keep(WHERE, hidden, t, ignore_index, heads[0].size) for t in problem.targets]
    count: Tensor | int = sum(len(one.targets) for one in rows)
    if weight is not None:
        weight = weight.to(like)
        count = torch.stack([weight[one.targets].sum() for one in rows]).sum()
    share = 1 / weight_or_one(count) if reduction == "mean" else 1.0
    kind = TokenLoss(weight, label_smoothing, share=share)
    pairs = list(zip(rows, heads, strict=True))
    if reduction == "none":
        each = [one.spread(kind.each(one.hidden, head, one.targets, {})[0]) for one, head in pairs]
        return torch.stack(each, -1).reshape(problem.shape)
    total = torch.stack([kind.summed(r.hidden, head, r.targets, {})[0] for r, head in pairs]).sum()
    return nothing_is_nan(total, count) if reduction == "mean" else total


def of_probabilities(
    problem: Problem, weight: Tensor | None, reduction: str, label_smoothing: float
) -> Tensor:
    """The loss where targets are probabilities: from whole rows, some of them at a time.

    Args:
        problem: what the loss is of.
        weight: class weights.
        reduction: one of three.
        label_smoothing: from 0 to 1.

    Returns:
        The loss, float32 at least.
    """

    def loss(z: Tensor, q: Tensor) -> Tensor:
        smooth = q.to(z.dtype) * (1 - label_smoothing) + label_smoothing / z.shape[-1]
        if weight is not None:
            smooth = smooth * weight.to(z.dtype)
        return -(smooth * z.log_softmax(-1)).sum(-1)

    pairs = zip(problem.heads, problem.targets, strict=True)
    each = torch.stack([row_values(loss, problem.hidden, head, q) for head, q in pairs], -1)
    if reduction == "none":
        return each.reshape(problem.shape)
    total = each.sum()
    if reduction == "mean":
        return nothing_is_nan(total / max(each.numel(), 1), each.numel())
    return total
