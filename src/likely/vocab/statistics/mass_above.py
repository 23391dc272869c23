"""Probability of all words strictly likelier than the target."""

from jaxtyping import Float
from torch import Tensor


def mass_above(above_mass: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""Probability of all words strictly likelier than the target.

    $$ \sum_{v:\, z_v > z_y} p_v $$

    Args:
        above_mass: the sum.

    Returns:
        A probability, `[N]`: 0 where the target is likeliest. Neither the target nor words
        that tie with it count; the gradient takes the set of words as fixed.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z = torch.tensor([[0.0, 0.0, 0.0, -9.0]])
        >>> from_logits(z, torch.tensor([3]), {"mass_above"})["mass_above"]
        tensor([1.0000])

    References:
        Romano et al., Classification with Valid and Adaptive Coverage, 2020.
        arXiv:2006.02544; Holtzman et al., 2020. arXiv:1904.09751 (the nucleus that begins
        with the target).
    """
    return above_mass


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    above = z > z.gather(-1, y[:, None])
    return z.softmax(-1).masked_fill(~above, 0.0).sum(-1)
