"""Plackett–Luce distillation: the student learns the order in which a teacher would choose."""

from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from jaxtyping import Bool, Float
from torch import Tensor

from likely.core.bind import Source
from likely.core.errors import Unsupported
from likely.core.stats import Statistic

LAWS = frozenset({"tokenwise"})
ROLES = ("teacher",)
KNOBS = {"temperature": (1.0, 2.0, 4.0)}
_NEVER = -1e30


def wants(source: Source, *, k: int, temperature: float) -> dict[str, Any]:
    """The teacher's likeliest words with their weights, and what the student says to them.

    Args:
        source: asks the teacher, live or stored.
        k: how many words; 0 for all.
        temperature: of the teacher's weights.

    Returns:
        `choice_logits` and `rest` (wishes); `choice` and `teacher_weight`, both `[N, C]`.

    Raises:
        Unsupported: all words are asked for of a model without a head.
        NotMeasured: there is no teacher.
    """
    asked = {
        "top": Statistic("top", settings={"k": k or _size(source)}),
        "power_lse": Statistic("power_lse", settings={"tau": 1 / temperature}),
        "target_logit": Statistic("target_logit"),
    }
    said = source.read("teacher", asked)
    target = source.batch.target[:, None]
    ids, logits = said["top"]
    kept = (ids != target) & (ids >= 0) & ~logits.isneginf()
    ids = torch.cat([target, torch.where(kept, ids, target)], dim=1)
    choice = torch.cat([torch.ones_like(kept[:, :1]), kept], dim=1)
    logits = torch.cat([said["target_logit"][:, None], logits], dim=1)
    weight = (logits / temperature - said["power_lse"][:, None]).exp().masked_fill(~choice, 0.0)
    return {
        "choice_logits": Statistic("gather", rows={"ids": ids}),
        "rest": Statistic("rest_lse", rows={"ids": ids}),
        "choice": choice,
        "teacher_weight": weight,
    }


def _size(source: Source) -> int:
    if source.head is not None:
        return source.head.size
    if source.vocabulary is not None:
        return source.vocabulary.size
    raise Unsupported("plackett_luce(k=0) reads all words, and this model has no head: give k.")


def plackett_luce(
    choice_logits: Float[Tensor, "N C"],
    rest: Float[Tensor, "N"],
    choice: Bool[Tensor, "N C"],
    teacher_weight: Float[Tensor, "N C"],
    *,
    k: Annotated[int, Ge(0)] = 1000,
    temperature: Annotated[float, Gt(0)] = 1.0,
) -> Float[Tensor, "N"]:
    r"""Choices without replacement in the teacher's order, each weighed by the teacher's q.

    $$ \mathcal{L} = \sum_{j=1}^{V} q_{\pi_j} \Big[\log \sum_{l \ge j} e^{z_{\pi_l}} - z_{\pi_j}
       \Big], \quad \pi = (y, \text{then the teacher's words, likeliest first}) $$
    q is the teacher at `temperature`. The first choice is the right word, so cross-entropy is a
    part of it, and all of it where the teacher is sure of the right word. It is convex in the
    logits and needs no second term.

    With k > 0 the first k choices of the teacher and the target are exact, all other words
    compete in every sum, and only their own terms are left out: what is missing is at least 0 and
    at most Σ q over the rest times the largest of their terms. `k=0` is exact and holds a row of
    the vocabulary for every token. Of a stored teacher, its stored words are all there is: q is
    renormalised on them, and a target that was not stored weighs nothing.

    Cost: full row with `k=0`; else separable, three matrix products, the logits of C = k + 1 words
    for every token, and one scan of the teacher.
    Status: verified (the published formula by brute force, at numbers that were computed outside
    this project; no code of the authors was seen).
    Detached: the teacher.
    Denominator: tokens.

    Args:
        choice_logits: the student's logits of the target and the teacher's words.
        rest: log Σ e^z over all other words.
        choice: which of the words count; the target, where the teacher names it too, does once.
        teacher_weight: q of the words.
        k: how many of the teacher's words; 0 for all.
        temperature: of q.

    Returns:
        One loss a token, nats times q.

    Raises:
        NotMeasured: there is no teacher.

    Example:
        >>> import torch
        >>> plackett_luce(torch.zeros(1, 2), torch.tensor([-torch.inf]),
        ...               torch.tensor([[True, True]]), torch.tensor([[1.0, 0.0]]))
        tensor([0.6931])

    References:
        Bassam et al., PLD: A Choice-Theoretic List-Wise Knowledge Distillation, 2025, eq. 8.
        arXiv:2506.12542; Plackett, The Analysis of Permutations, 1975.
    """
    z = choice_logits.masked_fill(~choice, _NEVER)
    after = torch.cat([z, rest.clamp_min(_NEVER)[:, None].to(z)], dim=1)
    left = after.flip(1).logcumsumexp(1).flip(1)[:, :-1]
    return (teacher_weight.to(z) * (left - z).masked_fill(~choice, 0.0)).sum(-1)


def dense(
    z: Tensor, y: Tensor, teacher: Tensor, *, k: int = 1000, temperature: float = 1.0
) -> Tensor:
    """The same, from the logits of both, choice by choice."""
    q, losses = (teacher.detach() / temperature).softmax(-1), []
    for n in range(len(y)):
        order = teacher[n].argsort(descending=True, stable=True).tolist()
        named = order[: k or len(order)]
        order = [int(y[n]), *(v for v in order if v != y[n])]
        loss = z.new_zeros(())
        for j, word in enumerate(order):
            if q[n, word] > 0 and (j == 0 or word in named):
                loss = loss + q[n, word] * (z[n, order[j:]].logsumexp(-1) - z[n, word])
        losses.append(loss)
    return torch.stack(losses)
