"""Probability of every word, summed over tokens with weights."""

from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, weight: Tensor) -> dict[str, Moment]:
    """The moment it reads."""
    return {"totals": moment.column_sums(weight)}


def column_sums(totals: Float[Tensor, "V"], *, weight: Float[Tensor, "N"]) -> Float[Tensor, "V"]:
    r"""Probability of every word, summed over tokens with weights.

    $$ \sum_n w_n\, p_{n,v} $$

    Args:
        totals: the sums.
        weight: w, one number a token, `[N]`; gradients reach it.

    Returns:
        One number a word, `[V]`: how often the model expects it, where all weights are 1.

    Example:
        >>> import torch
        >>> from likely.core.stats import Statistic
        >>> from likely.vocab.scan import from_logits
        >>> want = {"expected": Statistic("column_sums", rows={"weight": torch.ones(4)})}
        >>> from_logits(torch.zeros(4, 2), torch.tensor([0, 1, 0, 1]), want)["expected"]
        tensor([2., 2.])

    References:
        Saerens et al., Adjusting the Outputs of a Classifier to New a Priori Probabilities,
        2002.
    """
    return totals


def dense(z: Tensor, y: Tensor, *, weight: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return weight @ z.softmax(-1)
