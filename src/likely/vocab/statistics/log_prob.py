"""log p of the target, in nats."""

from jaxtyping import Float
from torch import Tensor


def log_prob(target: Float[Tensor, "N"], log_sum: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""Log p of the target, in nats.

    $$ \log p_y = z_y - \log \sum_v e^{z_v} $$

    Args:
        target: x of the target.
        log_sum: log Σ eˣ, x = z − shift.

    Returns:
        Nats, at most 0, `[N]`.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> from_logits(torch.tensor([[0.0, 0.0]]), torch.tensor([1]), {"log_prob"})["log_prob"]
        tensor([-0.6931])

    References:
        Shannon, A Mathematical Theory of Communication, 1948.
    """
    return target - log_sum


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    return z.log_softmax(-1).gather(-1, y[:, None])[:, 0]
