"""Total variation distance of the model's p and a second reader's q."""

from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def _apart(log_p: Tensor, log_q: Tensor) -> Tensor:
    return (log_p.exp() - log_q.exp()).abs() / 2


def wants(*, role: str = "teacher") -> dict[str, Moment]:
    """The moment it reads."""
    return {"distance": moment.between(_apart, role)}


def total_variation(distance: Float[Tensor, "N"], *, role: str = "teacher") -> Float[Tensor, "N"]:
    r"""Total variation distance of the model's p and a second reader's q.

    $$ \tfrac12 \sum_v |p_v - q_v| $$

    Args:
        distance: the sum.
        role: the second reader's name.

    Returns:
        0 to 1, `[N]`.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z, t = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 9.0]])
        >>> stats = from_logits(z, torch.tensor([0]), {"total_variation"}, roles={"teacher": t})
        >>> stats["total_variation"]
        tensor([0.4999])

    References:
        Wen et al., f-Divergence Minimization for Sequence-Level Knowledge Distillation,
        2023. arXiv:2307.15190.
    """
    return distance


def dense(z: Tensor, y: Tensor, t: Tensor, *, role: str = "teacher") -> Tensor:
    """The same, from the logits."""
    del y, role
    return (z.softmax(-1) - t.softmax(-1)).abs().sum(-1) / 2
