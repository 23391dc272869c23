"""Sum of the squared logits of all words that can come."""

from jaxtyping import Float
from torch import Tensor

from likely.core.head import Head
from likely.vocab.moments._closed import Linear


def sum_square_logit(plain_square_sum: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""Sum of the squared logits of all words that can come.

    $$ \sum_v z_v^2 $$

    Args:
        plain_square_sum: Σ z² over words that can come.

    Returns:
        Squared logits, `[N]`. Without softcap, and for more tokens than the states are
        wide, it needs no sweep: hᵀ(WᵀW)h.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z = torch.tensor([[1.0, 2.0, -torch.inf]])
        >>> from_logits(z, torch.tensor([1]), {"sum_square_logit"})["sum_square_logit"]
        tensor([5.])

    References:
        Vincent et al., Efficient Exact Gradient Update for Training Deep Networks with Very
        Large Sparse Targets, 2015. arXiv:1412.7091 (the closed form).
    """
    return plain_square_sum


def closed(hidden: Tensor, head: Head) -> Tensor | None:
    """The same without a sweep, where logits are linear in the state and it pays; else None."""
    linear = Linear.of(hidden, head) if len(hidden) > hidden.shape[1] else None
    return None if linear is None else linear.square_sum()


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return (z.masked_fill(z.isneginf(), 0.0) ** 2).sum(-1)
