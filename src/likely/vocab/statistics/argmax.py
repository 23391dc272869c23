"""The likeliest word; of equal ones that of the smallest id."""

from jaxtyping import Int
from torch import Tensor


def argmax(likeliest: Int[Tensor, "N"]) -> Int[Tensor, "N"]:
    r"""The likeliest word; of equal ones that of the smallest id.

    $$ \operatorname{arg\,max}_v z_v $$

    Args:
        likeliest: the id of the largest logit.

    Returns:
        Ids, `[N]`; −1 where no word can come. No gradient.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> from_logits(torch.tensor([[0.0, 3.0, 3.0]]), torch.tensor([0]), {"argmax"})["argmax"]
        tensor([1])

    References:
        Hendrycks and Gimpel, A Baseline for Detecting Misclassified Examples, 2017.
        arXiv:1610.02136.
    """
    return likeliest


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return z.max(-1).indices.masked_fill(z.isneginf().all(-1), -1)
