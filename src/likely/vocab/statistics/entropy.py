"""Entropy of the next-token distribution, in nats."""

from jaxtyping import Float
from torch import Tensor


def entropy(log_sum: Float[Tensor, "N"], first: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""Entropy of the next-token distribution, in nats.

    $$ H(p) = \log \sum_v e^{x_v} - \mathbb{E}_p[x] $$

    Args:
        log_sum: log Σ eˣ, x = z − shift.
        first: E_p[x].

    Returns:
        Nats, 0 to log V, `[N]`.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> from_logits(torch.tensor([[0.0, 0.0]]), torch.tensor([1]), {"entropy"})["entropy"]
        tensor([0.6931])

    References:
        Shannon, A Mathematical Theory of Communication, 1948.
    """
    return log_sum - first


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return -(z.softmax(-1) * z.log_softmax(-1).clamp_min(-1e6)).sum(-1)
