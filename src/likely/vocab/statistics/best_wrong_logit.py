"""The largest logit among all words but the target."""

import torch
from jaxtyping import Float
from torch import Tensor


def best_wrong_logit(
    shift: Float[Tensor, "N"], best_wrong: Float[Tensor, "N"]
) -> Float[Tensor, "N"]:
    r"""The largest logit among all words but the target.

    $$ \max_{v \ne y} z_v $$

    Args:
        shift: the largest logit.
        best_wrong: the largest x of a word that is not the target.

    Returns:
        Logits, `[N]`; equal to the target's where another word ties with it, −∞ where no
        other word can come. The gradient goes to one word: of equal ones to that of the
        smallest id.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z = torch.tensor([[0.0, 3.0]])
        >>> from_logits(z, torch.tensor([1]), {"best_wrong_logit"})["best_wrong_logit"]
        tensor([0.])

    References:
        Carlini and Wagner, Towards Evaluating the Robustness of Neural Networks, 2017.
        arXiv:1608.04644 (the margin).
    """
    return shift + best_wrong


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    return z.scatter(-1, y[:, None], -torch.inf).max(-1).values
