"""The k likeliest words: their ids and logits, likeliest first; equal ones in any order."""

from typing import Annotated

import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, k: int = 10) -> dict[str, Moment]:
    """The moment it reads."""
    return {"largest": moment.top(k)}


def top(
    shift: Float[Tensor, "N"], largest: tuple[Tensor, Tensor], *, k: Annotated[int, Ge(1)] = 10
) -> tuple[Int[Tensor, "N K"], Float[Tensor, "N K"]]:
    r"""The k likeliest words: their ids and logits, likeliest first; equal ones in any order.

    $$ \operatorname{top}_k z $$

    Args:
        shift: the largest logit.
        largest: x and ids of the k largest.
        k: how many.

    Returns:
        Ids and logits, both `[N, K]`; the logits have a gradient. −1 and −∞ where fewer words can
        come.

    Example:
        >>> import torch
        >>> from likely.core.stats import Statistic
        >>> from likely.vocab.scan import from_logits
        >>> want = {"best": Statistic("top", settings={"k": 1})}
        >>> from_logits(torch.tensor([[0.0, 3.0]]), torch.tensor([0]), want)["best"]
        (tensor([[1]]), tensor([[3.]]))

    References:
        Fan et al., Hierarchical Neural Story Generation, 2018. arXiv:1805.04833.
    """
    x, ids = largest
    return ids, shift[:, None] + x


def dense(z: Tensor, y: Tensor, *, k: int = 10) -> tuple[Tensor, Tensor]:
    """The same, from the logits."""
    del y
    best = z.topk(min(k, z.shape[-1]), dim=-1)
    more = (0, k - best.values.shape[-1])
    values = pad(best.values, more, value=-torch.inf)
    return pad(best.indices, more).masked_fill(values.isneginf(), -1), values
