"""Expectation under p of a value that differs by token: u_{n,v} = a_n · b_v."""

from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, a: Tensor, b: Tensor) -> dict[str, Moment]:
    """The moment it reads."""
    return {"weighted": moment.low_rank(a, b)}


def expect_lowrank(
    log_sum: Float[Tensor, "N"],
    weighted: Float[Tensor, "N"],
    *,
    a: Float[Tensor, "N R"],
    b: Float[Tensor, "V R"],
) -> Float[Tensor, "N"]:
    r"""Expectation under p of a value that differs by token: u_{n,v} = a_n · b_v.

    $$ \mathbb{E}_p[a_n \cdot b_v] = \sum_v p_v\, a_n \cdot b_v $$

    Args:
        log_sum: log Σ eˣ, x = z − shift.
        weighted: Σ eˣ a·b.
        a: one vector a token, `[N, R]`; gradients reach it.
        b: one vector a word, `[V, R]`; gradients reach it.

    Returns:
        In the unit of a · b, `[N]`.

    Example:
        >>> import torch
        >>> from likely.core.stats import Statistic
        >>> from likely.vocab.scan import from_logits
        >>> b = torch.eye(2)
        >>> want = {"cost": Statistic("expect_lowrank", rows={"a": b[:1]}, settings={"b": b})}
        >>> from_logits(torch.zeros(1, 2), torch.tensor([0]), want)["cost"]
        tensor([0.5000])

    References:
        Ren et al., EMO: Earth Mover Distance Optimization, 2024. arXiv:2310.04691.
    """
    return weighted * (-log_sum).exp()


def dense(z: Tensor, y: Tensor, *, a: Tensor, b: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    return (z.softmax(-1) * (a @ b.T)).sum(-1)
