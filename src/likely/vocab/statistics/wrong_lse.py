"""Log Σ e^z over all words but the target."""

import torch
from jaxtyping import Float
from torch import Tensor


def wrong_lse(shift: Float[Tensor, "N"], rest: Float[Tensor, "N"]) -> Float[Tensor, "N"]:
    r"""Log Σ e^z over all words but the target.

    $$ \log \sum_{v \ne y} e^{z_v} $$

    Args:
        shift: the largest logit.
        rest: log Σ eˣ over all words but the target.

    Returns:
        Nats, `[N]`; −∞ where no other word can come. `wrong_lse − lse` is log(1 − p_y),
        exact also where p_y rounds to 1.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z = torch.tensor([[0.0, 40.0]])
        >>> stats = from_logits(z, torch.tensor([1]), {"wrong_lse", "lse"})
        >>> stats["wrong_lse"] - stats["lse"]
        tensor([-40.])

    References:
        Zhao et al., Decoupled Knowledge Distillation, 2022. arXiv:2203.08679.
    """
    return shift + rest


def dense(z: Tensor, y: Tensor) -> Tensor:
    """The same, from the logits."""
    return z.scatter(-1, y[:, None], -torch.inf).logsumexp(-1)
