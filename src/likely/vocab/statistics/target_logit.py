"""The logit of the target."""

from jaxtyping import Float
from torch import Tensor


def target_logit(shift: Float[Tensor, "N"], target: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""The logit of the target.

    $$ z_y $$

    Args:
        shift: the largest logit.
        target: x of the target.

    Returns:
        Logits, `[N]`.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> from_logits(torch.zeros(1, 2), torch.tensor([1]), {"target_logit"})["target_logit"]
        tensor([0.])

    References:
        Shannon, A Mathematical Theory of Communication, 1948.
    """
    return shift + target


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    return z.gather(-1, y[:, None])[:, 0]
