"""Expected logit of the model under a second reader's q."""

from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, role: str = "teacher") -> dict[str, Moment]:
    """The moments it reads."""
    return moment.of_role(role, "taught")


def teacher_mean_logit(
    shift: Float[Tensor, "N"], taught: Float[Tensor, "N"], *, role: str = "teacher"
) -> Float[Tensor, "N"]:
    r"""Expected logit of the model under a second reader's q.

    $$ \mathbb{E}_q[z] = \sum_v q_v z_v $$

    Args:
        shift: the largest logit.
        taught: E_q[x].
        role: the second reader's name.

    Returns:
        Logits of the model, `[N]`. A word to which the second reader gives probability and
        which the model excludes has a logit of −10⁶ about the shift.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z, t = torch.tensor([[0.0, 4.0]]), torch.tensor([[0.0, 9.0]])
        >>> stats = from_logits(z, torch.tensor([0]), {"teacher_mean_logit"}, roles={"teacher": t})
        >>> stats["teacher_mean_logit"]
        tensor([3.9995])

    References:
        Hinton et al., Distilling the Knowledge in a Neural Network, 2015. arXiv:1503.02531.
    """
    return shift + taught


def dense(z: Tensor, y: Tensor, t: Tensor, *, role: str = "teacher") -> Tensor:
    """The same, from the logits."""
    del y, role
    return (t.softmax(-1) * z.clamp_min(-1e6)).sum(-1)
