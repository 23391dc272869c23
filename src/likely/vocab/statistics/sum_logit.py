"""Sum of the logits of all words that can come."""

from jaxtyping import Float
from torch import Tensor

from likely.core.head import Head
from likely.vocab.moments._closed import Linear


def sum_logit(plain_sum: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""Sum of the logits of all words that can come.

    $$ \sum_v z_v $$

    Args:
        plain_sum: Σ z over words that can come.

    Returns:
        Logits, `[N]`. Without softcap it needs no sweep: h · Σ_v w_v.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z = torch.tensor([[1.0, 2.0, -torch.inf]])
        >>> from_logits(z, torch.tensor([1]), {"sum_logit"})["sum_logit"]
        tensor([3.])

    References:
        Szegedy et al., Rethinking the Inception Architecture, 2016. arXiv:1512.00567 (label
        smoothing reads it).
    """
    return plain_sum


def closed(hidden: Tensor, head: Head) -> Tensor | None:
    """The same without a sweep, where logits are linear in the state; else None."""
    linear = Linear.of(hidden, head)
    return None if linear is None else linear.sum()


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return z.masked_fill(z.isneginf(), 0.0).sum(-1)
