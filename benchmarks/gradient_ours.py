"""How our own scan is asked for the loss of a problem of `benchmarks/gradients.py`."""

import torch

from benchmarks.gradient_cells import BONUS, SMOOTHING, SOFTCAP, TEMPERATURE, Z_SCALE
from benchmarks.gradient_rule import reduce
from likely.core.head import Head
from likely.vocab.fused_loss import fused_loss
from likely.vocab.scan import scan

EXTRA = {"z_loss": ("lse",), "entropy": ("entropy",), "smoothing": ("lse", "sum_logit")}


def hold_no_logits():
    """Small problems keep their logits; here they are treated as large ones are."""
    from likely.vocab import _prepared

    if _prepared.HOLD_BYTES:
        _prepared.HOLD_BYTES = 0


def _head(problem):
    uses = problem.option.uses
    return Head(
        problem.weight,
        problem.bias,
        softcap=SOFTCAP if "softcap" in uses else None,
        temperature=TEMPERATURE if "temperature" in uses else 1.0,
    )


def _want(problem):
    return [
        "log_prob",
        *(name for use in EXTRA if use in problem.option.uses for name in EXTRA[use]),
    ]


def _loss(problem, stats):
    uses, loss = problem.option.uses, -stats["log_prob"]
    if "smoothing" in uses:
        uniform = stats["lse"] - stats["sum_logit"] / len(problem.weight)
        loss = (1 - SMOOTHING) * loss + SMOOTHING * uniform
    if "z_loss" in uses:
        loss = loss + Z_SCALE * stats["lse"] ** 2
    return loss - BONUS * stats["entropy"] if "entropy" in uses else loss


def scanned(problem):
    """Statistics first, any loss after them."""
    stats = scan(
        problem.hidden,
        _head(problem),
        problem.any_target,
        _want(problem),
        backend="chunked",
        block=40,
    )
    return reduce(problem, _loss(problem, stats))


def fused(problem):
    """Gradients taken in the sweep; weights of words and tokens are the function's weights."""
    columns = {"weight": problem.counted.to(torch.promote_types(problem.hidden.dtype, torch.float))}
    if problem.class_weights is not None:
        columns["weight"] = columns["weight"] * problem.class_weights[problem.any_target]
    if problem.token_weights is not None:
        columns["weight"] = columns["weight"] * problem.token_weights

    def weighted(stats, given):
        return _loss(problem, stats), given["weight"]

    made = fused_loss(
        weighted,
        problem.hidden,
        _head(problem),
        problem.any_target,
        _want(problem),
        columns=columns,
        backend="chunked",
        block=40,
    )
    if problem.option.reduction == "none":
        return torch.where(problem.counted, made.values, 0), made.total
    return made.total / made.weight if problem.option.reduction == "mean" else made.total
