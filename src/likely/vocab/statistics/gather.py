"""Logits of chosen words, a row of them for each token."""

from jaxtyping import Float, Int
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, ids: Tensor, sequence: Tensor | None = None) -> dict[str, Moment]:
    """The moment it reads."""
    return {"chosen": moment.pick(ids if sequence is None else ids[sequence])}


def gather(
    shift: Float[Tensor, "N"],
    chosen: Float[Tensor, "N C"],
    *,
    ids: Int[Tensor, "_ C"],
    sequence: Int[Tensor, "N"] | None = None,
) -> Float[Tensor, "N C"]:
    r"""Logits of chosen words, a row of them for each token.

    $$ z_{i_1}, \dots, z_{i_C} $$

    Args:
        shift: the largest logit.
        chosen: x of the chosen ids.
        ids: words, `[N, C]`; or one row a sequence, `[S, C]`, given as a setting.
        sequence: which row of ids each token uses, `[N]`; None where every token has its own.

    Returns:
        Logits, `[N, C]`; −∞ for excluded words.

    Example:
        >>> import torch
        >>> from likely.core.stats import Statistic
        >>> from likely.vocab.scan import from_logits
        >>> want = {"two": Statistic("gather", rows={"ids": torch.tensor([[1, 0]])})}
        >>> from_logits(torch.tensor([[0.0, 3.0]]), torch.tensor([0]), want)["two"]
        tensor([[3., 0.]])

    References:
        Jean et al., On Using Very Large Target Vocabulary, 2015. arXiv:1412.2007 (candidates).
    """
    return shift[:, None] + chosen


def dense(z: Tensor, y: Tensor, *, ids: Tensor, sequence: Tensor | None = None) -> Tensor:
    """The same, from the logits."""
    del y
    return z.gather(-1, ids if sequence is None else ids[sequence])
