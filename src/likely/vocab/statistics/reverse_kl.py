"""KL divergence of the model's p from a second reader's q, in nats."""

from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, role: str = "teacher") -> dict[str, Moment]:
    """The moments it reads."""
    return moment.of_role(role, "other_log_sum", "seen")


def infinite(*, role: str = "teacher") -> str:
    """Why it refuses stored logits."""
    del role
    return "it is infinite where a word that was not stored has probability"


def reverse_kl(
    log_sum: Float[Tensor, "N"],
    first: Float[Tensor, "N"],
    other_log_sum: Float[Tensor, "N"],
    seen: Float[Tensor, "N"],
    *,
    role: str = "teacher",
) -> Float[Tensor, "N"]:
    r"""KL divergence of the model's p from a second reader's q, in nats.

    $$ \operatorname{KL}(p \| q) = \sum_v p_v \log \frac{p_v}{q_v} $$

    Args:
        log_sum: log Σ eˣ, x = z − shift.
        first: E_p[x].
        other_log_sum: log Σ e^x̃ of the second reader.
        seen: E_p[x̃].
        role: the second reader's name.

    Returns:
        Nats, at least 0 but for rounding, `[N]`. A word to which the model gives
        probability and which the second reader excludes (or does not have) counts 10⁶ nats
        instead of infinitely many; stored logits are refused.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z, t = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 9.0]])
        >>> stats = from_logits(z, torch.tensor([0]), {"reverse_kl"}, roles={"teacher": t})
        >>> stats["reverse_kl"]
        tensor([3.8070])

    References:
        Gu et al., MiniLLM: Knowledge Distillation of Large Language Models, 2024.
        arXiv:2306.08543.
    """
    return (first - log_sum) - (seen - other_log_sum)


def dense(z: Tensor, y: Tensor, t: Tensor, *, role: str = "teacher") -> Tensor:
    """The same, from the logits."""
    del y, role
    log_p = z.log_softmax(-1).clamp_min(-1e6)
    log_q = t.log_softmax(-1).clamp_min(-1e6)
    return (log_p.exp() * (log_p - log_q)).sum(-1)
