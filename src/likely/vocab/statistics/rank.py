"""Rank of the target: how many words are strictly likelier; ties do not count."""

from jaxtyping import Int
from torch import Tensor


def rank(above: Int[Tensor, "N"]) -> Int[Tensor, "N"]:
    r"""Rank of the target: how many words are strictly likelier; ties do not count.

    $$ |\{v : z_v > z_y\}| $$

    Args:
        above: how many words beat the target.

    Returns:
        Whole numbers, 0 for the likeliest, `[N]`. No gradient.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> from_logits(torch.tensor([[0.0, 0.0]]), torch.tensor([1]), {"rank"})["rank"]
        tensor([0])

    References:
        Gehrmann et al., GLTR, 2019. arXiv:1906.04043.
    """
    return above


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    return (z > z.gather(-1, y[:, None])).sum(-1)
