"""Expected square of the logit under p."""

from jaxtyping import Float
from torch import Tensor


def mean_square_logit(
    shift: Float[Tensor, "N"], first: Float[Tensor, "N"], second: Float[Tensor, "N"]
) -> Float[Tensor, "N"]:
    r"""Expected square of the logit under p.

    $$ \mathbb{E}_p[z^2] = \mathbb{E}_p[x^2] + 2 s\,\mathbb{E}_p[x] + s^2 $$

    Args:
        shift: the largest logit.
        first: E_p[x].
        second: E_p[x²].

    Returns:
        Squared logits, `[N]`.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z = torch.tensor([[3.0, 3.0]])
        >>> from_logits(z, torch.tensor([1]), {"mean_square_logit"})["mean_square_logit"]
        tensor([9.])

    References:
        Jaynes, Information Theory and Statistical Mechanics, 1957 (fluctuation of the
        energy).
    """
    return second + 2 * shift * first + shift**2


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return (z.softmax(-1) * z.clamp_min(-1e6) ** 2).sum(-1)
