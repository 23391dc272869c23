"""Log Σ e^z over a part of the vocabulary."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, mask: Tensor) -> dict[str, Moment]:
    """The moment it reads."""
    return {"part": moment.within(mask)}


def subset_lse(
    shift: Float[Tensor, "N"], part: Float[Tensor, "N"], *, mask: Bool[Tensor, "V"]
) -> Float[Tensor, "N"]:
    r"""Log Σ e^z over a part of the vocabulary.

    $$ \log \sum_{v \in A} e^{z_v} $$

    Args:
        shift: the largest logit.
        part: log Σ eˣ over the part.
        mask: True for its words, `[V]`.

    Returns:
        Nats, `[N]`; −∞ where none of its words can come. Less `lse` it is the log-
        probability of the part.

    Example:
        >>> import torch
        >>> from likely.core.stats import Statistic
        >>> from likely.vocab.scan import from_logits
        >>> mask = torch.tensor([True, True, False])
        >>> want = {"digits": Statistic("subset_lse", settings={"mask": mask})}
        >>> from_logits(torch.zeros(1, 3), torch.tensor([0]), want)["digits"]
        tensor([0.6931])

    References:
        Morin and Bengio, Hierarchical Probabilistic Neural Network Language Model, 2005
        (classes of words).
    """
    return shift + part


def dense(z: Tensor, y: Tensor, *, mask: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return z.masked_fill(~mask, -torch.inf).logsumexp(-1)
