"""Probability of all words with a smaller id than the target's."""

import torch
from jaxtyping import Float
from torch import Tensor


def mass_below(log_sum: Float[Tensor, "N"], below: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""Probability of all words with a smaller id than the target's.

    $$ \sum_{v < y} p_v $$

    Args:
        log_sum: log Σ eˣ, x = z − shift.
        below: Σ eˣ over smaller ids.

    Returns:
        A probability, `[N]`: where an arithmetic coder puts the lower end of the target;
        the target itself does not count.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> from_logits(torch.zeros(1, 4), torch.tensor([3]), {"mass_below"})["mass_below"]
        tensor([0.7500])

    References:
        Witten et al., Arithmetic Coding for Data Compression, 1987.
    """
    return below * (-log_sum).exp()


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    smaller = torch.arange(z.shape[1], device=z.device) < y[:, None]
    return z.softmax(-1).masked_fill(~smaller, 0.0).sum(-1)
