"""Top-p (nucleus): the likeliest tokens that together hold a share p."""

from typing import Annotated

import torch
from annotated_types import Gt, Le
from jaxtyping import Float
from torch import Tensor

LAWS = frozenset({"filter", "keeps_likeliest", "equivariant", "shift_invariant"})
NEUTRAL = {"p": 1.0}


def top_p(
    logits: Float[Tensor, "S V"], *, p: Annotated[float, Gt(0), Le(1)] = 0.95
) -> Float[Tensor, "S V"]:
    r"""Keep the fewest likeliest tokens whose probability reaches p; the one that crosses stays.

    $$ \min \{ V' : \textstyle\sum_{v \in V'} p_v \ge p \} $$

    Args:
        logits: of the next token, `[S, V]`; not changed.
        p: the share; 1 keeps all. Tokens as likely as the last one kept stay too.

    Returns:
        Logits, −∞ where cut.

    Example:
        >>> import torch
        >>> top_p(torch.tensor([[0.5, 0.3, 0.2]]).log(), p=0.7).exp()
        tensor([[0.5000, 0.3000, 0.0000]])

    References:
        Holtzman et al., The Curious Case of Neural Text Degeneration, 2020. arXiv:1904.09751.
    """
    probability = logits.double().softmax(-1)
    ordered = probability.sort(dim=-1, descending=True).values
    before = ordered.cumsum(-1) - ordered
    # The likeliest has nothing before it, so it always stays; rounding must not cut at p = 1.
    kept = (before < p) | (before <= 0)
    edge = ordered.masked_fill(~kept, torch.inf).amin(-1, keepdim=True)
    return logits if p == 1 else logits.masked_fill(probability < edge, -torch.inf)
