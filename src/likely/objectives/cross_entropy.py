"""Cross-entropy: −log p of the token that came."""

from jaxtyping import Float
from torch import Tensor

LAWS = frozenset({"separable"})


def cross_entropy(log_prob: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""Cross-entropy of the target, in nats.

    $$ \mathcal{L} = -\log p_y $$

    Cost: separable, three matrix products.
    Status: verified (the definition).
    Detached: nothing.
    Denominator: tokens.

    Args:
        log_prob: log p of the target, nats.

    Returns:
        One loss a token, nats.

    Example:
        >>> import torch
        >>> cross_entropy(torch.tensor([0.5]).log())
        tensor([0.6931])

    References:
        Shannon, A Mathematical Theory of Communication, 1948.
    """
    return -log_prob


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    return -z.log_softmax(-1).gather(-1, y[:, None])[:, 0]
