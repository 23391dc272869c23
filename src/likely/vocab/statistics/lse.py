"""log Σ e^z, the log-partition, in nats."""

from jaxtyping import Float
from torch import Tensor


def lse(shift: Float[Tensor, "N"], log_sum: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""Log Σ e^z, the log-partition, in nats.

    $$ \log \sum_v e^{z_v} $$

    Args:
        shift: the largest logit.
        log_sum: log Σ eˣ, x = z − shift.

    Returns:
        Nats, `[N]`.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> from_logits(torch.tensor([[0.0, 0.0]]), torch.tensor([1]), {"lse"})["lse"]
        tensor([0.6931])

    References:
        Shannon, A Mathematical Theory of Communication, 1948.
    """
    return shift + log_sum


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return z.logsumexp(-1)
