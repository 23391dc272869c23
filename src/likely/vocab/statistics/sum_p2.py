"""Σ p²: the collision probability."""

from jaxtyping import Float
from torch import Tensor


def sum_p2(log_sum: Float[Tensor, "N"], log_sum_2: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""Σ p²: the collision probability.

    $$ \sum_v p_v^2 = \exp(\log \textstyle\sum e^{2x} - 2 \log \sum e^x) $$

    Args:
        log_sum: log Σ eˣ, x = z − shift.
        log_sum_2: log Σ e²ˣ.

    Returns:
        Probabilities, 1/V to 1, `[N]`.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> from_logits(torch.tensor([[0.0, 0.0]]), torch.tensor([1]), {"sum_p2"})["sum_p2"]
        tensor([0.5000])

    References:
        Rényi, On Measures of Entropy and Information, 1961 (order 2).
    """
    return (log_sum_2 - 2 * log_sum).exp()


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return (z.softmax(-1) ** 2).sum(-1)
