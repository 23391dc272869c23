"""Unlikelihood: what must not be said again loses probability."""

from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from jaxtyping import Bool, Float
from torch import Tensor

from likely.core.bind import Source
from likely.core.stats import Statistic
from likely.objectives._repeats import earlier_words, in_repeat
from likely.objectives._sequences import log1mexp

LAWS = frozenset({"tokenwise"})
KNOBS = {"alpha": (0.25, 0.5, 1.0)}
_LEAST_TOKEN, _LEAST_SEQUENCE = 1e-5, 1e-20


def wants(source: Source, *, level: str, ngram: int, **_: object) -> dict[str, Any]:
    """Words that were read before, or the places that stand in a repeat.

    Args:
        source: the batch.
        level: which of the two.
        ngram: how long a repeat is.

    Returns:
        `earlier_logits` (a wish) and `earlier` for tokens, `repeated` for sequences.
    """
    batch = source.batch
    if level == "sequence":
        return {"repeated": in_repeat(batch.target, batch.segment, ngram)}
    ids, earlier = earlier_words(batch.ids, batch.target, batch.segment, batch.position)
    sequence = {"sequence": batch.segment.clamp_min(0)}
    wish = Statistic("gather", rows=sequence, settings={"ids": ids})
    return {"earlier_logits": wish, "earlier": earlier}


def unlikelihood(
    log_prob: Float[Tensor, "N"],
    lse: Float[Tensor, "N"],
    earlier_logits: Float[Tensor, "N C"] | None,
    earlier: Bool[Tensor, "N C"] | None,
    repeated: Bool[Tensor, "N"] | None,
    *,
    level: Literal["token", "sequence"] = "token",
    alpha: Annotated[float, Ge(0)] = 1.0,
    ngram: Annotated[int, Ge(1)] = 4,
) -> Float[Tensor, "N"]:
    r"""Cross-entropy, and a penalty on the probability of words that were read before.

    $$ \mathcal{L}_n = -\log p_{y_n} - \alpha \sum_{c \in C_n} \log(1 - p_c), \quad
       C_n = \{x_1, \dots, x_n\} \setminus \{y_n\} $$
    With `level="sequence"` the tokens themselves are the model's own, and those that stand in an
    n-gram which stood there before are made less likely: $-\alpha \log(1 - p_{y_n})$ on them, 0 on
    the others; a run takes such steps on what it wrote, and cross-entropy steps on text in turn.

    The words read before are those of the segment; the authors' code takes them from the whole
    row. Its search for repeats misses the last n-gram of a text, and this one does not. 1 − p is
    at least 1e-5 for words and 1e-20 for repeats, as there; below, there is no gradient.

    Cost: separable, three matrix products and the logits of every word of the segment, `[N, C]`.
    Status: verified (the terms at numbers computed outside this project; the authors' code read
    and not run).
    Detached: nothing.
    Denominator: tokens.

    Args:
        log_prob: log p of the target, nats.
        lse: log Σ e^z.
        earlier_logits: logits of the words of the segment, with `level="token"`.
        earlier: which of these were read before and are not the target.
        repeated: whether the target stands in a repeat, with `level="sequence"`.
        level: penalise words read before, or repeats in what the model wrote.
        alpha: α.
        ngram: how long a repeat is.

    Returns:
        One loss a token, nats.

    Example:
        >>> import torch
        >>> p = torch.tensor([0.5, 0.5]).log()
        >>> unlikelihood(p, torch.zeros(2), None, None, torch.tensor([True, False]),
        ...              level="sequence")
        tensor([0.6931, 0.0000])

    References:
        Welleck et al., Neural Text Generation with Unlikelihood Training, 2020, eq. 4 and 7.
        arXiv:1908.04319.
    """
    if level == "sequence":
        assert repeated is not None
        unlikely = log1mexp(log_prob).clamp_min(_log(_LEAST_SEQUENCE, log_prob))
        return (-alpha * unlikely).masked_fill(~repeated, 0.0)
    assert earlier_logits is not None
    assert earlier is not None
    log_p = (earlier_logits - lse[:, None]).masked_fill(~earlier, -1.0)
    unlikely = log1mexp(log_p).clamp_min(_log(_LEAST_TOKEN, log_prob))
    return -log_prob - alpha * unlikely.masked_fill(~earlier, 0.0).sum(-1)


def _log(least: float, like: Tensor) -> float:
    return float(torch.tensor(least, dtype=torch.float64).log())


def dense(
    z: Tensor,
    y: Tensor,
    ids: Tensor,
    segment: Tensor,
    *,
    level: str = "token",
    alpha: float = 1.0,
    ngram: int = 4,
) -> Tensor:
    """The same, from the logits, position by position."""
    p, losses = z.softmax(-1), []
    for n in range(len(y)):
        same = [m for m in range(len(y)) if segment[m] == segment[n] and segment[n] >= 0]
        if level == "token":
            seen = {int(ids[m]) for m in same[1:] if m <= n} - {int(y[n])}
            penalty = sum(-(1 - p[n, c]).clamp_min(_LEAST_TOKEN).log() for c in sorted(seen))
            losses.append(-p[n, y[n]].log() + alpha * penalty)
            continue
        words = [int(y[m]) for m in same]
        found, here = False, same.index(n) if n in same else 0
        for begin in range(max(0, here - ngram + 1), min(here, len(words) - ngram) + 1):
            gram = words[begin : begin + ngram]
            found |= any(words[b : b + ngram] == gram for b in range(begin))
        losses.append(-alpha * (1 - p[n, y[n]]).clamp_min(_LEAST_SEQUENCE).log() * found)
    return torch.stack(losses)
