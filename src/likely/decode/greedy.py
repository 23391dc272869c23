"""Greedy: always the likeliest token."""

import torch
from jaxtyping import Float
from torch import Tensor

LAWS = frozenset({"filter", "keeps_likeliest"})


def greedy(logits: Float[Tensor, "S V"]) -> Float[Tensor, "S V"]:
    r"""Keep the likeliest token alone; of equal ones the lowest id.

    $$ \arg\max_v z_v $$

    Args:
        logits: of the next token, `[S, V]`; not changed.

    Returns:
        Logits, −∞ where cut.

    Example:
        >>> import torch
        >>> greedy(torch.tensor([[1.0, 2.0, 2.0]]))
        tensor([[-inf, 2., -inf]])

    References:
        Holtzman et al., The Curious Case of Neural Text Degeneration, 2020. arXiv:1904.09751.
    """
    best = logits.argmax(dim=-1, keepdim=True)
    first = (logits == logits.gather(-1, best)).int().argmax(dim=-1, keepdim=True)
    cut = torch.ones_like(logits, dtype=torch.bool).scatter(-1, first, False)
    return logits.masked_fill(cut, -torch.inf)
