"""Cross-entropy of the model to a second reader's q, in nats."""

from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, role: str = "teacher") -> dict[str, Moment]:
    """The moments it reads."""
    return moment.of_role(role, "taught")


def cross_entropy_to_teacher(
    log_sum: Float[Tensor, "N"], taught: Float[Tensor, "N"], *, role: str = "teacher"
) -> Float[Tensor, "N"]:
    r"""Cross-entropy of the model to a second reader's q, in nats.

    $$ -\sum_v q_v \log p_v = \log \sum_v e^{x_v} - \mathbb{E}_q[x] $$

    Args:
        log_sum: log Σ eˣ, x = z − shift.
        taught: E_q[x].
        role: the second reader's name.

    Returns:
        Nats, `[N]`. A word to which the second reader gives probability and which the model
        excludes counts 10⁶ nats instead of infinitely many.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z, t = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 9.0]])
        >>> want, y = {"cross_entropy_to_teacher"}, torch.tensor([0])
        >>> stats = from_logits(z, y, want, roles={"teacher": t})
        >>> stats["cross_entropy_to_teacher"]
        tensor([0.6931])

    References:
        Hinton et al., Distilling the Knowledge in a Neural Network, 2015. arXiv:1503.02531.
    """
    return log_sum - taught


def dense(z: Tensor, y: Tensor, t: Tensor, *, role: str = "teacher") -> Tensor:
    """The same, from the logits."""
    del y, role
    return -(t.softmax(-1) * z.log_softmax(-1).clamp_min(-1e6)).sum(-1)
