"""Mean square of log p under p, in nats²."""

from jaxtyping import Float
from torch import Tensor


def mean_square_log_prob(
    log_sum: Float[Tensor, "N"], first: Float[Tensor, "N"], second: Float[Tensor, "N"]
) -> Float[Tensor, "N"]:
    r"""Mean square of log p under p, in nats².

    $$ \sum_v p_v \log^2 p_v = \operatorname{Var}_p(x) + H(p)^2 $$

    Args:
        log_sum: log Σ eˣ, x = z − shift.
        first: E_p[x].
        second: E_p[x²].

    Returns:
        Nats², `[N]`.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> stats = from_logits(torch.zeros(1, 2), torch.tensor([1]), {"mean_square_log_prob"})
        >>> stats["mean_square_log_prob"]
        tensor([0.4805])

    References:
        Zhang et al., Min-K%++, 2024. arXiv:2404.02936 (needs it for its variance).
    """
    return second - first**2 + (log_sum - first) ** 2


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    p = z.softmax(-1)
    return (p * z.log_softmax(-1).clamp_min(-1e6) ** 2).sum(-1)
