"""Knowledge distillation: the student learns the teacher's whole distribution."""

from jaxtyping import Float
from torch import Tensor

LAWS = frozenset({"tokenwise"})


def knowledge_distillation(forward_kl: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""KL divergence of the teacher's q from the model's p.

    $$ \mathcal{L} = \operatorname{KL}(q \| p) = \sum_v q_v \log \frac{q_v}{p_v} $$

    Its gradient is that of the cross-entropy on soft targets q. At temperature 1 and without a term
    for the target, so that it is the plain method which others are compared with.

    Cost: full row of two readers (three matrix products of the student, one of the teacher).
    Status: verified (numbers computed outside this project).
    Detached: the teacher.
    Denominator: tokens.

    Args:
        forward_kl: KL(q‖p), nats; the second reader has the role `teacher`, live or stored.

    Returns:
        One loss a token, nats.

    Raises:
        NotMeasured: there is no teacher.

    Example:
        >>> import torch
        >>> knowledge_distillation(torch.tensor([0.25]))
        tensor([0.2500])

    References:
        Hinton et al., Distilling the Knowledge in a Neural Network, 2015, §2. arXiv:1503.02531.
    """
    return forward_kl


def dense(z: Tensor, y: Tensor, teacher: Tensor) -> Tensor:
    """The same, from the logits of both."""
    del y
    log_q = teacher.detach().log_softmax(-1).clamp_min(-1e6)
    return (log_q.exp() * (log_q - z.log_softmax(-1).clamp_min(-1e6))).sum(-1)
