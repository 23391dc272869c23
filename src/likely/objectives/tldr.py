"""TLDR: tokens count more the harder they are, and the weight is part of what is learned."""

from math import pi
from typing import Annotated, Literal

from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor

from likely.objectives._sequences import mean_over_segment

KNOBS = {"weighting": ("cosine", "focal")}


def laws(*, level: str, **_: object) -> frozenset[str]:
    """At the level of tokens every token is weighed alone.

    Args:
        level: which level.

    Returns:
        The laws it obeys.
    """
    return frozenset({"separable"}) if level == "token" else frozenset()


def tldr(
    log_prob: Float[Tensor, "N"],
    segment: Int[Tensor, "N"],
    weight: Float[Tensor, "N"],
    *,
    level: Literal["token", "sequence"] = "token",
    weighting: Literal["cosine", "focal"] = "cosine",
    gamma: Annotated[float, Ge(0)] = 2.0,
) -> Float[Tensor, "N"]:
    r"""Cross-entropy times a weight that falls as the token becomes likely.

    $$ \mathcal{L} = \frac{1}{N} \sum_n (1 + \cos \pi p_{y_n}) (-\log p_{y_n}) $$
    With `level="sequence"` the weight is that of the mean probability over the sequence.
    With `weighting="focal"` it is $(1 - p)^\gamma$.

    Cost: separable at the level of tokens, coupled at that of sequences; three or four products.
    Status: verified (the published formula at numbers that were computed outside this project; the
    weights of the authors' code, read and not run).
    Detached: nothing.
    Denominator: tokens (of the weights' own sum, as one might expect, the authors' code knows
    nothing).

    Args:
        log_prob: log p of the target, nats.
        segment: which sequence a token belongs to.
        weight: how much a position counts.
        level: whether a token is weighed by itself or by its sequence.
        weighting: how the weight falls.
        gamma: how fast the focal one does.

    Returns:
        One loss a token, weighted nats.

    Example:
        >>> import torch
        >>> tldr(torch.tensor([0.5]).log(), torch.tensor([0]), torch.ones(1))
        tensor([0.6931])

    References:
        Jiang et al., TLDR: Token Loss Dynamic Reweighting for Reducing Repetitive Utterance
        Generation, 2020, eq. 3. arXiv:2003.11963.
    """
    p = log_prob.exp()
    if level == "sequence":
        p = mean_over_segment(p, segment, weight)
    if weighting == "cosine":
        return -(1 + (pi * p).cos()) * log_prob
    tiny = 1e-30  # 0 has no slope for gamma < 1
    return -((1 - p).clamp_min(tiny) ** gamma) * log_prob


def dense(
    z: Tensor,
    y: Tensor,
    segment: Tensor,
    weight: Tensor,
    *,
    level: str = "token",
    weighting: str = "cosine",
    gamma: float = 2.0,
) -> Tensor:
    """The same, from the logits."""
    log_p = z.log_softmax(-1).gather(-1, y[:, None])[:, 0]
    p = log_p.exp()
    if level == "sequence":
        same = ((segment[:, None] == segment) & (segment >= 0)[:, None]) * weight
        p = (same @ p) / same.sum(1).clamp_min(1e-30)
    factor = 1 + (pi * p).cos() if weighting == "cosine" else (1 - p).clamp_min(1e-30) ** gamma
    return -factor * log_p
