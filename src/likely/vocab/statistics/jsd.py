"""Generalised Jensen-Shannon divergence of the model's p and a second reader's q, in nats."""

from dataclasses import dataclass
from math import log, log1p
from typing import Annotated

import torch
from annotated_types import Gt, Lt
from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


@dataclass(frozen=True)
class _Mixed:
    """Terms of the sum."""

    beta: float

    def __call__(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        mixed = torch.logaddexp(log_q + log(self.beta), log_p + log1p(-self.beta))
        to_q, to_p = log_q.exp() * (log_q - mixed), log_p.exp() * (log_p - mixed)
        return self.beta * to_q + (1 - self.beta) * to_p


def wants(*, beta: float = 0.5, role: str = "teacher") -> dict[str, Moment]:
    """The moment it reads."""
    return {"divergence": moment.between(_Mixed(beta), role)}


def jsd(
    divergence: Float[Tensor, "N"],
    *,
    beta: Annotated[float, Gt(0), Lt(1)] = 0.5,
    role: str = "teacher",
) -> Float[Tensor, "N"]:
    r"""Generalised Jensen-Shannon divergence of the model's p and a second reader's q, in nats.

    $$ \beta \operatorname{KL}(q \| m) + (1 - \beta) \operatorname{KL}(p \| m), \quad
    m = \beta q + (1 - \beta) p $$

    Args:
        divergence: the sum.
        beta: β, the part of q in the mixture and the weight of its divergence. Divided by β it
            tends to `forward_kl` as β falls to 0, divided by 1 − β to `reverse_kl` as β rises to 1.
        role: the second reader's name.

    Returns:
        Nats, 0 to −β log β − (1 − β) log(1 − β), `[N]`; finite whatever either reader
        excludes.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z, t = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 9.0]])
        >>> stats = from_logits(z, torch.tensor([0]), {"jsd"}, roles={"teacher": t})
        >>> stats["jsd"]
        tensor([0.2152])

    References:
        Lin, Divergence Measures Based on the Shannon Entropy, 1991; Agarwal et al., On-
        Policy Distillation of Language Models, 2024. arXiv:2306.13649.
    """
    return divergence


def dense(z: Tensor, y: Tensor, t: Tensor, *, beta: float = 0.5, role: str = "teacher") -> Tensor:
    """The same, from the logits."""
    del y, role
    p, log_p = z.softmax(-1), z.log_softmax(-1).clamp_min(-1e6)
    q, log_q = t.softmax(-1), t.log_softmax(-1).clamp_min(-1e6)
    m = beta * q + (1 - beta) * p
    log_m = m.clamp_min(torch.finfo(m.dtype).tiny).log()
    return (beta * q * (log_q - log_m) + (1 - beta) * p * (log_p - log_m)).sum(-1)
