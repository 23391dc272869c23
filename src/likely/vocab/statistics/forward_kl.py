"""KL divergence of a second reader's q from the model's p, in nats."""

from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, role: str = "teacher") -> dict[str, Moment]:
    """The moments it reads."""
    return moment.of_role(role, "other_log_sum", "other_first", "taught")


def forward_kl(
    log_sum: Float[Tensor, "N"],
    taught: Float[Tensor, "N"],
    other_log_sum: Float[Tensor, "N"],
    other_first: Float[Tensor, "N"],
    *,
    role: str = "teacher",
) -> Float[Tensor, "N"]:
    r"""KL divergence of a second reader's q from the model's p, in nats.

    $$ \operatorname{KL}(q \| p) = \sum_v q_v \log \frac{q_v}{p_v} $$

    Args:
        log_sum: log Σ eˣ, x = z − shift.
        taught: E_q[x].
        other_log_sum: log Σ e^x̃ of the second reader.
        other_first: E_q[x̃].
        role: the second reader's name.

    Returns:
        Nats, at least 0 but for rounding, `[N]`. A word to which the second reader gives
        probability and which the model excludes counts 10⁶ nats instead of infinitely many.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z, t = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 9.0]])
        >>> stats = from_logits(z, torch.tensor([0]), {"forward_kl"}, roles={"teacher": t})
        >>> stats["forward_kl"]
        tensor([0.6919])

    References:
        Kullback and Leibler, On Information and Sufficiency, 1951; Hinton et al., 2015.
        arXiv:1503.02531.
    """
    return (other_first - other_log_sum) - (taught - log_sum)


def dense(z: Tensor, y: Tensor, t: Tensor, *, role: str = "teacher") -> Tensor:
    """The same, from the logits."""
    del y, role
    log_p = z.log_softmax(-1).clamp_min(-1e6)
    log_q = t.log_softmax(-1).clamp_min(-1e6)
    return (log_q.exp() * (log_q - log_p)).sum(-1)
