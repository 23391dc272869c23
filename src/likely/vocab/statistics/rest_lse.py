"""Log Σ e^z over all words but some, other ones for each token."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, ids: Tensor) -> dict[str, Moment]:
    """The moment it reads."""
    return {"left": moment.rest_of(ids)}


def rest_lse(
    shift: Float[Tensor, "N"], left: Float[Tensor, "N"], *, ids: Int[Tensor, "N C"]
) -> Float[Tensor, "N"]:
    r"""Log Σ e^z over all words but some, other ones for each token.

    $$ \log \sum_{v \notin \{i_1, \dots, i_C\}} e^{z_v} $$

    Args:
        shift: the largest logit.
        left: log Σ eˣ over the words that are left.
        ids: words that are left out, `[N, C]`; one that stands twice is left out once, negative
            numbers are none.

    Returns:
        Nats, `[N]`; −∞ where no word is left.

    Example:
        >>> import torch
        >>> from likely.core.stats import Statistic
        >>> from likely.vocab.scan import from_logits
        >>> want = {"others": Statistic("rest_lse", rows={"ids": torch.tensor([[0, -1]])})}
        >>> from_logits(torch.zeros(1, 3), torch.tensor([0]), want)["others"]
        tensor([0.6931])

    References:
        Xia et al., Listwise Approach to Learning to Rank, 2008 (a list is a product of such
        sums).
    """
    return shift + left


def dense(z: Tensor, y: Tensor, *, ids: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    gone = (torch.arange(z.shape[1], device=z.device) == ids[:, :, None]).any(1)
    return z.masked_fill(gone, -torch.inf).logsumexp(-1)
