"""DCO: what is likely enough for one of N attempts to hit it is not pushed any further."""

from math import log
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor

from likely.core.errors import NotMeasured
from likely.objectives._sequences import log1mexp, sum_by_group

LAWS = frozenset[str]()


def dco(
    log_prob: Float[Tensor, "N"],
    segment: Int[Tensor, "N"],
    weight: Float[Tensor, "N"],
    step: Int[Tensor, "N"] | None,
    *,
    level: Literal["sequence", "step"] = "sequence",
    attempts: Annotated[int, Ge(1)] = 256,
) -> tuple[Float[Tensor, "S"], Float[Tensor, "S"]]:
    r"""Minus the log of the chance that one of N independent attempts is the answer.

    $$ \mathcal{L} = -\log\big(1 - (1 - p)^N\big), \quad p = \prod_n p_{y_n}, \qquad
       \nabla \mathcal{L} = F \, \nabla(-\log p), \quad
       F = \frac{N (1 - p)^{N-1} p}{1 - (1 - p)^N} $$

    F is 1 for an answer that is out of reach and about 0 once p is well above 1/N, so confidence
    stops where more of it would cost pass@N. With `attempts=1` it is the cross-entropy of the whole
    sequence, a sum over its tokens. With `level="step"` every step of an answer (the column `step`)
    has a loss of its own, and a sequence the sum of them. All in log space: no answer is too
    unlikely for it.

    The authors also replace examples whose F is nearly 0 by others, so that a batch keeps its
    size; that is a matter of the data, and is not done here.

    Cost: coupled (sums over sequences), four matrix products.
    Status: our reading (formulas of the paper at numbers computed outside this project; no code of
    the authors was seen).
    Detached: nothing (the factor F is the exact gradient).
    Denominator: sequences.

    Args:
        log_prob: log p of the target, nats.
        segment: which sequence a token belongs to.
        weight: 0 for the prompt.
        step: which step of its answer a token belongs to, −1 for none; read with `level="step"`.
        level: attempts at the whole answer, or at each step.
        attempts: N.

    Returns:
        One loss a sequence, nats, and its weight: 0 for a sequence without a token that counts.

    Raises:
        NotMeasured: steps are asked for, and the batch has no column `step`.

    Example:
        >>> import torch
        >>> loss, _ = dco(torch.tensor([0.3]).log(), torch.tensor([0]), torch.ones(1), None,
        ...               attempts=4)
        >>> loss
        tensor([0.2746])

    References:
        Chen et al., Rethinking Fine-Tuning when Scaling Test-Time Compute: Limiting Confidence
        Improves Mathematical Reasoning, 2025, eq. 5 and 6. arXiv:2502.07154.
    """
    count = int(segment.max()) + 1 if len(segment) else 0
    if level == "step":
        if step is None:
            raise NotMeasured(
                "step", [], "dco(level='step') reads a column 'step' [N]; see docs/inputs.md."
            )
        most = max(int(step.max()) + 1, 1) if len(step) else 1
        group = torch.where((step >= 0) & (segment >= 0), segment * most + step, -1)
        each = _loss(*sum_by_group(log_prob, group, weight, count * most), attempts)
        loss = each.view(count, most).sum(1)
        inside = weight * (group >= 0)
    else:
        loss = _loss(*sum_by_group(log_prob, segment, weight, count), attempts)
        inside = weight
    _, scored = sum_by_group(torch.zeros_like(log_prob), segment, inside, count)
    return loss, (scored > 0).to(loss.dtype)


def _loss(log_p: Tensor, counted: Tensor, attempts: int) -> Tensor:
    """Of every group with a token that counts; 0 of the others."""
    sure = counted > 0
    a = torch.where(sure, log_p, -1.0)
    # Below this, 1 − (1 − p)^N is N·p to the last digit.
    small = a + log(attempts) < log(torch.finfo(a.dtype).eps)
    near = torch.where(small, -1.0, a)
    hit = log1mexp(attempts * log1mexp(near))
    return -torch.where(small, a + log(attempts), hit).masked_fill(~sure, 0.0)


def dense(
    z: Tensor,
    y: Tensor,
    segment: Tensor,
    weight: Tensor,
    step: Tensor,
    *,
    level: str = "sequence",
    attempts: int = 256,
) -> tuple[Tensor, Tensor]:
    """The same, from the logits, sequence by sequence."""
    weighed = z.log_softmax(-1).gather(-1, y[:, None])[:, 0] * weight
    losses, scored = [], []
    for s in range(int(segment.max()) + 1):
        within = (segment == s) & (weight > 0)
        parts = [within]
        if level == "step":
            parts = [within & (step == k) for k in range(int(step.max()) + 1)]
        sums = [weighed[part].sum() for part in parts if part.any()]
        losses += [sum((_direct(a, attempts) for a in sums), 0 * weighed.sum())]
        scored += [float(len(sums) > 0)]
    return torch.stack(losses), torch.tensor(scored, dtype=z.dtype)


def _direct(log_p: Tensor, attempts: int) -> Tensor:
    if log_p > -1e-14:  # certain: nothing is left to learn
        return 0 * log_p
    miss = attempts * torch.log1p(-log_p.exp())
    return -(log_p + log(attempts) if log_p < -40 else (-miss.expm1()).log())
