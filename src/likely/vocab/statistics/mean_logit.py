"""Expected logit under p."""

from jaxtyping import Float
from torch import Tensor


def mean_logit(shift: Float[Tensor, "N"], first: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""Expected logit under p.

    $$ \mathbb{E}_p[z] $$

    Args:
        shift: the largest logit.
        first: E_p[x].

    Returns:
        Logits, `[N]`.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> from_logits(torch.tensor([[0.0, 0.0]]), torch.tensor([1]), {"mean_logit"})["mean_logit"]
        tensor([0.])

    References:
        Jaynes, Information Theory and Statistical Mechanics, 1957 (mean energy).
    """
    return shift + first


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return (z.softmax(-1) * z.clamp_min(-1e6)).sum(-1)
