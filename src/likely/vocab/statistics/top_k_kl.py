"""KL divergence on a second reader's k likeliest words, the rest counted as one more."""

from typing import Annotated

import torch
from annotated_types import Ge
from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, k: int = 64, rest: bool = True, role: str = "teacher") -> dict[str, Moment]:
    """The moment it reads."""
    return {"divergence": moment.top_between(k, rest, role)}


def top_k_kl(
    divergence: Float[Tensor, "N"],
    *,
    k: Annotated[int, Ge(1)] = 64,
    rest: bool = True,
    role: str = "teacher",
) -> Float[Tensor, "N"]:
    r"""KL divergence on a second reader's k likeliest words, the rest counted as one more.

    $$ \sum_{v \in K} q_v \log \frac{q_v}{p_v} + \bar q \log \frac{\bar q}{\bar p}, \quad
    K = \operatorname{top}_k q,\; \bar q = 1 - \sum_{v \in K} q_v $$

    Args:
        divergence: the sum.
        k: how many words; of equal ones at the border any may count.
        rest: whether the rest counts as one word; else both readers are renormalised on the k
            words.
        role: the second reader's name.

    Returns:
        Nats, at least 0 but for rounding and at most `forward_kl` with the rest, `[N]`.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z, t = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 9.0]])
        >>> stats = from_logits(z, torch.tensor([0]), {"top_k_kl"}, roles={"teacher": t})
        >>> stats["top_k_kl"]
        tensor([0.6919])

    References:
        Anshumann et al., Sparse Logit Sampling: Accelerating Knowledge Distillation in
        LLMs, 2025. arXiv:2503.16870.
    """
    return divergence


def dense(
    z: Tensor, y: Tensor, t: Tensor, *, k: int = 64, rest: bool = True, role: str = "teacher"
) -> Tensor:
    """The same, from the logits."""
    del y, role
    best = t.topk(min(k, t.shape[-1]), dim=-1).indices
    log_p, log_q = z.log_softmax(-1), t.log_softmax(-1)
    few = [r.gather(-1, best) for r in (log_p, log_q)]
    if rest:
        left = [r.scatter(-1, best, -1e6).logsumexp(-1, keepdim=True) for r in (log_p, log_q)]
        log_p, log_q = (torch.cat(pair, -1) for pair in zip(few, left, strict=True))
    else:
        log_p, log_q = (r.log_softmax(-1) for r in few)
    log_p, log_q = log_p.clamp_min(-1e6), log_q.clamp_min(-1e6)
    return (log_q.exp() * (log_q - log_p)).sum(-1)
