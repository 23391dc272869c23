"""The largest logit."""

from jaxtyping import Float
from torch import Tensor


def max_logit(shift: Float[Tensor, "N"], largest: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""The largest logit.

    $$ \max_v z_v $$

    Args:
        shift: the largest logit.
        largest: the largest x: 0, with its gradient.

    Returns:
        Logits, `[N]`. The gradient goes to one word: of equal ones to that of the smallest
        id.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> from_logits(torch.tensor([[0.0, 3.0]]), torch.tensor([0]), {"max_logit"})["max_logit"]
        tensor([3.])

    References:
        Hendrycks et al., Scaling Out-of-Distribution Detection for Real-World Settings,
        2022. arXiv:1911.11132.
    """
    return shift + largest


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return z.max(-1).values
