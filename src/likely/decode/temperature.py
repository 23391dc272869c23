"""Temperature: flatter or sharper than the model."""

from typing import Annotated

from annotated_types import Gt
from jaxtyping import Float
from torch import Tensor

LAWS = frozenset({"keeps_likeliest", "equivariant"})
NEUTRAL = {"temperature": 1.0}


def temperature(
    logits: Float[Tensor, "S V"], *, temperature: Annotated[float, Gt(0)] = 1.0
) -> Float[Tensor, "S V"]:
    r"""Divide the logits by a temperature; 1 is the model itself.

    $$ p_v^{1/\tau} / \textstyle\sum_w p_w^{1/\tau} $$

    Args:
        logits: of the next token, `[S, V]`; not changed.
        temperature: below 1 sharper, above 1 flatter.

    Returns:
        Logits.

    Example:
        >>> import torch
        >>> temperature(torch.tensor([[1.0, 2.0]]), temperature=0.5)
        tensor([[2., 4.]])

    References:
        Ackley et al., A Learning Algorithm for Boltzmann Machines, 1985.
    """
    return logits / temperature
