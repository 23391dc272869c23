"""Whether a method of `benchmarks/scan_gpu.py` is right, before it is timed.

The truth is taken from float64 logits, some tokens at a time: the mean loss over all tokens, the
gradient of some states and of some words of the head. The bar is plain torch at the dtype of the
inputs, piece by piece in the same way. The rule is that of `benchmarks/gradients.py`: an error no
larger than the bar's and an allowance.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.gpu_cases import combined, dense_statistics
from benchmarks.gradient_rule import distance

ENTRIES = 2**25
"""Logits at once: 256 MiB in float64, and a few times that in between."""

ROWS = WORDS = 128
ALLOWED = {"nats": 1e-3, "hidden": 1e-2, "weight": 1e-2}
"""Beside the bar's error: nats of the mean loss; largest error over the largest entry."""

LOST = 0.1
"""How much of a gradient's norm a filter may lose beside what the bar loses by rounding."""


@dataclass(frozen=True, eq=False)
class Picked:
    """Places whose gradients are looked at.

    Args:
        rows: of the states.
        words: of the head: half are some tokens' targets, half are spread evenly.
    """

    rows: Tensor
    words: Tensor

    @classmethod
    def of(cls, case):
        """Those of a case."""
        n, v = len(case.hidden), len(case.weight)
        rows = torch.arange(0, n, max(1, n // ROWS), device=case.hidden.device)[:ROWS]
        spread = torch.arange(0, v, max(1, 2 * v // WORDS), device=case.hidden.device)
        words = torch.cat([case.target[rows[: WORDS // 2]], spread[: WORDS // 2]]).unique()
        return cls(rows, words)

    def taken(self, loss, hidden_grad, weight_grad):
        """What is compared, in float64."""
        found = {"nats": loss.detach().double()}
        for name, grad, places in (
            ("hidden", hidden_grad, self.rows),
            ("weight", weight_grad, self.words),
        ):
            found[name] = None if grad is None else grad[places].double()
        return found


def pieces(case, losses, picked, dtype):
    """Mean losses and picked gradients from whole rows of logits, some tokens at a time.

    Args:
        case: what is given.
        losses: names of `LOSSES`.
        picked: where gradients are looked at.
        dtype: of the products; statistics are float32, or float64.

    Returns:
        By loss: `nats`, `hidden`, `weight`.
    """
    weight, n = case.weight.to(dtype), len(case.hidden)
    step = max(1, ENTRIES // len(weight))
    total = {loss: 0.0 for loss in losses}
    columns: dict = {loss: [] for loss in losses}
    rows: dict = {loss: [] for loss in losses}
    for first in range(0, n, step):
        hidden, target = (
            case.hidden[first : first + step].to(dtype),
            case.target[first : first + step],
        )
        product = (hidden @ weight.T).to(torch.promote_types(dtype, torch.float32))
        here = picked.rows[(picked.rows >= first) & (picked.rows < first + step)] - first
        for loss in losses:
            with torch.enable_grad():
                z = product.detach().requires_grad_()
                stats = dense_statistics(loss, case.capped(z), target, case.columns)
                value = combined(stats).sum() / n
                (grad,) = torch.autograd.grad(value, z)
            grad = grad.to(dtype)
            total[loss] += value.detach().double()
            columns[loss].append(grad[:, picked.words])
            rows[loss].append(grad[here] @ weight)
            del z, stats, grad
    hidden = case.hidden.to(dtype)
    return {
        loss: {
            "nats": total[loss],
            "hidden": torch.cat(rows[loss]).double(),
            "weight": (torch.cat(columns[loss]).T @ hidden).double(),
        }
        for loss in losses
    }


def errors(found, right):
    """How far a method is from the truth.

    Args:
        found: what `Picked.taken` gave.
        right: what `pieces` gave in float64, for its loss.

    Returns:
        `nats`; for both gradients the largest error over the largest entry, and, as `…_norm`, the
        norm of the error over that of the truth.
    """
    told = {"nats": distance(found["nats"], right["nats"], scaled=False)}
    for name in ("hidden", "weight"):
        told[name] = distance(found[name], right[name])
        told[f"{name}_norm"] = _lost(found[name], right[name])
    return told


def _lost(found, right):
    if found is None or not bool(found.isfinite().all()):
        return math.inf
    return float((found - right).norm() / right.norm().clamp_min(1e-300))


def is_green(error, bar, filtered):
    """The verdict.

    Args:
        error: what `errors` gave for the method.
        bar: the same for plain torch.
        filtered: it drops what is small, and is judged by the norm of what it loses.

    Returns:
        Whether its figures may be shown.
    """
    if error["nats"] > bar["nats"] + ALLOWED["nats"]:
        return False
    if filtered:
        names = ("hidden_norm", "weight_norm")
        return all(error[name] <= bar[name] + LOST for name in names)
    return all(error[name] <= bar[name] + ALLOWED[name] for name in ("hidden", "weight"))
