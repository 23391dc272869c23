"""KL divergence of a second reader's q from a mixture of it with the model, in nats."""

from dataclasses import dataclass
from math import log, log1p
from typing import Annotated

import torch
from annotated_types import Ge, Lt
from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


@dataclass(frozen=True)
class _Skew:
    """Terms of the sum."""

    alpha: float

    def __call__(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        if self.alpha == 0:
            return log_q.exp() * (log_q - log_p)
        mixed = torch.logaddexp(log_q + log(self.alpha), log_p + log1p(-self.alpha))
        return log_q.exp() * (log_q - mixed)


def wants(*, alpha: float = 0.1, role: str = "teacher") -> dict[str, Moment]:
    """The moment it reads."""
    return {"skew": moment.between(_Skew(alpha), role)}


def skew_kl(
    skew: Float[Tensor, "N"],
    *,
    alpha: Annotated[float, Ge(0), Lt(1)] = 0.1,
    role: str = "teacher",
) -> Float[Tensor, "N"]:
    r"""KL divergence of a second reader's q from a mixture of it with the model, in nats.

    $$ \operatorname{KL}(q \| m), \quad m = \alpha q + (1 - \alpha) p $$

    Args:
        skew: the sum.
        alpha: α, the part of q in the mixture; at 0 this is `forward_kl`.
        role: the second reader's name.

    Returns:
        Nats, 0 to −log α, `[N]`.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z, t = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 9.0]])
        >>> stats = from_logits(z, torch.tensor([0]), {"skew_kl"}, roles={"teacher": t})
        >>> stats["skew_kl"]
        tensor([0.5967])

    References:
        Lee, Measures of Distributional Similarity, 1999 (the skew divergence); Ko et al.,
        DistiLLM, 2024. arXiv:2402.03898.
    """
    return skew


def dense(z: Tensor, y: Tensor, t: Tensor, *, alpha: float = 0.1, role: str = "teacher") -> Tensor:
    """The same, from the logits."""
    del y, role
    q, log_q = t.softmax(-1), t.log_softmax(-1).clamp_min(-1e6)
    m = alpha * q + (1 - alpha) * z.softmax(-1)
    log_m = m.clamp_min(torch.finfo(m.dtype).tiny).log() if alpha else z.log_softmax(-1)
    return (q * (log_q - log_m.clamp_min(-1e6))).sum(-1)
