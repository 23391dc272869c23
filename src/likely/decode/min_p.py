"""Min-p: tokens at least a share p as likely as the likeliest."""

import math
from typing import Annotated

import torch
from annotated_types import Ge, Le
from jaxtyping import Float
from torch import Tensor

LAWS = frozenset({"filter", "keeps_likeliest", "equivariant", "shift_invariant"})
NEUTRAL = {"p": 0.0}


def min_p(
    logits: Float[Tensor, "S V"], *, p: Annotated[float, Ge(0), Le(1)] = 0.1
) -> Float[Tensor, "S V"]:
    r"""Keep tokens whose probability is at least p times the largest one.

    $$ \{v : p_v \ge p \cdot \max_w p_w\} $$

    Args:
        logits: of the next token, `[S, V]`; not changed.
        p: the share; 0 keeps all, 1 the likeliest alone.

    Returns:
        Logits, −∞ where cut.

    Example:
        >>> import torch
        >>> min_p(torch.tensor([[0.6, 0.39, 0.01]]).log(), p=0.1).exp()
        tensor([[0.6000, 0.3900, 0.0000]])

    References:
        Nguyen et al., Turning Up the Heat: Min-p Sampling, 2024. arXiv:2407.01082.
    """
    if p == 0:
        return logits
    floor = logits.amax(-1, keepdim=True) + math.log(p)
    return logits.masked_fill(logits < floor, -torch.inf)
