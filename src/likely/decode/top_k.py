"""Top-k: the k likeliest tokens."""

from typing import Annotated

import torch
from annotated_types import Ge
from jaxtyping import Float
from torch import Tensor

LAWS = frozenset({"filter", "keeps_likeliest", "equivariant", "shift_invariant"})
NEUTRAL = {"k": 1000}


def top_k(logits: Float[Tensor, "S V"], *, k: Annotated[int, Ge(1)] = 50) -> Float[Tensor, "S V"]:
    r"""Keep the k likeliest tokens; of equal ones at the edge, all.

    $$ \{v : z_v \ge z_{(k)}\} $$

    Args:
        logits: of the next token, `[S, V]`; not changed.
        k: how many; more than there are keeps all.

    Returns:
        Logits, −∞ where cut.

    Example:
        >>> import torch
        >>> top_k(torch.tensor([[1.0, 2.0, 3.0]]), k=2)
        tensor([[-inf, 2., 3.]])

    References:
        Fan et al., Hierarchical Neural Story Generation, 2018. arXiv:1805.04833.
    """
    last = logits.topk(min(k, logits.shape[-1]), dim=-1).values[..., -1:]
    return logits.masked_fill(logits < last, -torch.inf)
