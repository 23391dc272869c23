"""The truth of a problem of `benchmarks/gradients.py`, and the one rule all are judged by."""

import math

import torch

from benchmarks.gradient_cells import BONUS, SMOOTHING, SOFTCAP, TEMPERATURE, Z_SCALE

ALLOWED = {"float64": 1e-9, "float32": 1e-5, "bfloat16": 1e-2, "float16": 1e-3}
NOT_A_NUMBER = "not a number"
NOT_RUN = ("not run", "ModuleNotFoundError", "ImportError", "InterpreterError")


def truth(problem):
    """Value and gradients from materialised float64 logits, by formulas of our own.

    Args:
        problem: at any dtype; its numbers are taken as they are.

    Returns:
        `value` and one gradient for each leaf.
    """
    leaves = {k: v.detach().double().requires_grad_() for k, v in problem.leaves.items()}
    hidden = leaves.get("hidden", problem.hidden.double())
    z = hidden @ leaves.get("weight", problem.weight.double()).T
    z = z + leaves["bias"] if "bias" in leaves else z
    value = reduce(problem, per_token(problem, z))
    total(problem, value).backward()
    return {"value": value.detach(), **{k: v.grad for k, v in leaves.items()}}


def per_token(problem, z):
    """The loss of each token from logits before softcap and temperature."""
    uses = problem.option.uses
    if "softcap" in uses:
        z = SOFTCAP * torch.tanh(z / SOFTCAP)
    if "temperature" in uses:
        z = z / TEMPERATURE
    lse = z.logsumexp(-1)
    log_p = z - lse[:, None]
    loss = -log_p.gather(1, problem.any_target[:, None])[:, 0]
    if "smoothing" in uses:
        loss = (1 - SMOOTHING) * loss - SMOOTHING * log_p.mean(-1)
    if "z_loss" in uses:
        loss = loss + Z_SCALE * lse**2
    if "entropy" in uses:
        loss = loss + BONUS * (log_p.exp() * log_p).sum(-1)
    return loss


def reduce(problem, loss):
    """Losses of single tokens as the option wants them reduced."""
    weight = problem.counted.to(loss.dtype)
    if problem.class_weights is not None:
        weight = weight * problem.class_weights[problem.any_target].to(loss.dtype)
    loss = torch.where(problem.counted, loss * weight, 0)
    if problem.option.reduction == "none":
        return loss
    return loss.sum() / (weight.sum() if problem.option.reduction == "mean" else 1)


def total(problem, value):
    """The one number that backward starts from."""
    weights = problem.token_weights
    whole = value if weights is None else (value * weights.to(value.dtype)).sum()
    return whole * problem.option.upstream


def distance(found, right, scaled=True):
    """Largest error relative to the largest entry; infinity for nan.

    Args:
        found: what came, or None where no gradient came.
        right: in float64.
        scaled: relative, not absolute.

    Returns:
        The error; of zeros, the absolute one.
    """
    if not right.numel():
        return 0.0
    found = torch.zeros_like(right) if found is None else found.double()
    if not bool(found.isfinite().all()):
        return math.inf
    scale = float(right.abs().max()) if scaled else 1.0
    return float((found - right).abs().max()) / (scale or 1.0)


def allowance(dtype, condition=1.0):
    """What is added to the error of dense torch.

    Args:
        dtype: its name.
        condition: 1 + |offset| / ‖gradient‖, 1 where logits are not offset.

    Returns:
        Relative to the largest entry.
    """
    if dtype == "float64":
        return ALLOWED[dtype] * condition
    return ALLOWED[dtype] + 4 * torch.finfo(getattr(torch, dtype)).eps * (condition - 1)


def judge(row, dense, dtype, single=None):
    """The verdict on one cell.

    Args:
        row: what `cell` gave.
        dense: errors of dense torch at this dtype, by quantity.
        dtype: its name.
        single: errors of dense torch in float32, for float64 cells.

    Returns:
        `right`, `wrong`, `refused`, or `rounded`: float64 was taken and answered in float32.
    """
    if "words" in row:
        failed = row["words"].startswith(NOT_RUN)
        return "not run" if failed else "refused"
    condition = row.get("condition", {})

    def within(bar, at):
        return all(
            number(error) <= bar.get(k, 0.0) + allowance(at, condition.get(k, 1.0))
            for k, error in row["errors"].items()
        )

    if within(dense, dtype):
        return "right"
    return "rounded" if dtype == "float64" and within(single or {}, "float32") else "wrong"


def worst(row, dense, dtype):
    """The quantity that is furthest from what was allowed.

    Args:
        row: what `cell` gave.
        dense: errors of dense torch at this dtype.
        dtype: its name.

    Returns:
        Its name, its error, and what would have been right.
    """
    condition = row.get("condition", {})
    allowed = {
        k: dense.get(k, 0.0) + allowance(dtype, condition.get(k, 1.0)) for k in row["errors"]
    }
    name = max(allowed, key=lambda k: number(row["errors"][k]) / allowed[k])
    return [name, row["errors"][name], allowed[name]]


def number(kept):
    """An error as a number, from the file too."""
    return math.inf if kept == NOT_A_NUMBER else kept
