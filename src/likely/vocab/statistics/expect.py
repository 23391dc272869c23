"""Expectation of fixed columns over the vocabulary under p."""

from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, u: Tensor) -> dict[str, Moment]:
    """The moment it reads."""
    return {"weighted": moment.expect(u)}


def expect(
    log_sum: Float[Tensor, "N"], weighted: Float[Tensor, "N R"], *, u: Float[Tensor, "V R"]
) -> Float[Tensor, "N R"]:
    r"""Expectation of fixed columns over the vocabulary under p.

    $$ \mathbb{E}_p[u] = \sum_v p_v u_v $$

    Args:
        log_sum: log Σ eˣ, x = z − shift.
        weighted: Σ eˣ u.
        u: the columns, `[V, R]`; gradients reach them.

    Returns:
        In the unit of u, `[N, R]`.

    Example:
        >>> import torch
        >>> from likely.core.stats import Statistic
        >>> from likely.vocab.scan import from_logits
        >>> want = {"mean": Statistic("expect", settings={"u": torch.tensor([[1.0], [5.0]])})}
        >>> from_logits(torch.zeros(1, 2), torch.tensor([0]), want)["mean"]
        tensor([[3.]])

    References:
        Wijmans et al., 2025. arXiv:2411.09009 (the same product gives the head's gradient).
    """
    return weighted * (-log_sum).exp()[:, None]


def dense(z: Tensor, y: Tensor, *, u: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return z.softmax(-1) @ u
