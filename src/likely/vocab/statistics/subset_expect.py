"""Expectation of fixed columns under p within a part of the vocabulary."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, mask: Tensor, u: Tensor) -> dict[str, Moment]:
    """The moment it reads."""
    return {"within": moment.expect_within(mask, u)}


def subset_expect(
    within: Float[Tensor, "N R"], *, mask: Bool[Tensor, "V"], u: Float[Tensor, "V R"]
) -> Float[Tensor, "N R"]:
    r"""Expectation of fixed columns under p within a part of the vocabulary.

    $$ \mathbb{E}_p[u \mid v \in A] = \frac{\sum_{v \in A} p_v u_v}{\sum_{v \in A} p_v} $$

    Args:
        within: the expectation.
        mask: True for the words of the part, `[V]`.
        u: the columns, `[V, R]`; gradients reach them, and words outside the part do not matter.

    Returns:
        In the unit of u, `[N, R]`, however unlikely the part is; NaN where none of its
        words can come.

    Example:
        >>> import torch
        >>> from likely.core.stats import Statistic
        >>> from likely.vocab.scan import from_logits
        >>> mask, u = torch.tensor([True, True, False]), torch.tensor([[1.0], [2.0], [9.0]])
        >>> want = {"number": Statistic("subset_expect", settings={"mask": mask, "u": u})}
        >>> from_logits(torch.zeros(1, 3), torch.tensor([0]), want)["number"]
        tensor([[1.5000]])

    References:
        Zausinger et al., Regress, Don't Guess: A Regression-like Loss on Number Tokens,
        2024. arXiv:2411.02083.
    """
    return within


def dense(z: Tensor, y: Tensor, *, mask: Tensor, u: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return z.masked_fill(~mask, -torch.inf).softmax(-1)[:, mask] @ u[mask]
