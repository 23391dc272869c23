"""Tsallis entropy of an order; without unit."""

from typing import Annotated

from annotated_types import Gt
from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, order: float = 2.0) -> dict[str, Moment]:
    """The moment it reads; at order 1 the one of the entropy."""
    return {"powered": moment.PLAIN["first"] if order == 1 else moment.tilted(order)}


def tsallis(
    log_sum: Float[Tensor, "N"],
    powered: Float[Tensor, "N"],
    *,
    order: Annotated[float, Gt(0)] = 2.0,
) -> Float[Tensor, "N"]:
    r"""Tsallis entropy of an order; without unit.

    $$ S_\alpha(p) = \frac{1 - \sum_v p_v^\alpha}{\alpha - 1} $$

    Args:
        log_sum: log Σ eˣ, x = z − shift.
        powered: log Σ e^{αx}; E_p[x] at order 1.
        order: α; at 1 this is the entropy. Within 1e-4 of 1, digits cancel.

    Returns:
        A number, 0 where p has one word, `[N]`; at order 2 it is 1 − Σ p².

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> from_logits(torch.zeros(1, 2), torch.tensor([1]), {"tsallis"})["tsallis"]
        tensor([0.5000])

    References:
        Tsallis, Possible Generalization of Boltzmann-Gibbs Statistics, 1988.
    """
    if order == 1:
        return log_sum - powered
    return (powered - order * log_sum).expm1() / (1 - order)


def dense(z: Tensor, y: Tensor, *, order: float = 2.0) -> Tensor:
    """The same, from the logits."""
    del y
    if order == 1:
        return -(z.softmax(-1) * z.log_softmax(-1).clamp_min(-1e6)).sum(-1)
    return (1 - (order * z.log_softmax(-1)).exp().sum(-1)) / (order - 1)
