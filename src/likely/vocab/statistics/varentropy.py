"""Variance of log p under p: how uneven the surprise is, in nats²."""

from jaxtyping import Float
from torch import Tensor


def varentropy(first: Float[Tensor, "N"], second: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""Variance of log p under p: how uneven the surprise is, in nats².

    $$ \operatorname{Var}_p(\log p) = \mathbb{E}_p[x^2] - \mathbb{E}_p[x]^2 $$

    Args:
        first: E_p[x].
        second: E_p[x²].

    Returns:
        Nats², `[N]`; 0 where p is flat.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> from_logits(torch.tensor([[0.0, 0.0]]), torch.tensor([1]), {"varentropy"})["varentropy"]
        tensor([0.])

    References:
        Kontoyiannis and Verdú, Optimal Lossless Compression: Source Varentropy, 2013.
    """
    return second - first**2


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    p = z.softmax(-1)
    log_p = z.log_softmax(-1).clamp_min(-1e6)
    return (p * log_p**2).sum(-1) - (p * log_p).sum(-1) ** 2
