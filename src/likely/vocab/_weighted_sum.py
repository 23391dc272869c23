"""Σ_v w_v z_v, which weighted label smoothing needs: from rows of logits, or without any."""

from dataclasses import dataclass

import torch
from torch import Tensor

from likely.core.head import Head

SPLIT = 4096
"""Words of which the weighted sum of rows is taken at once, in float32."""


@dataclass(frozen=True, eq=False)
class WeightedSum:
    """Σ_v w_v z_v of whole rows; two of the same tensor are equal, and are compiled once.

    Args:
        weights: w, `[V]`.
    """

    weights: Tensor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WeightedSum) and other.weights is self.weights

    def __hash__(self) -> int:
        return hash((WeightedSum, id(self.weights)))

    def __call__(self, z: Tensor, _: Tensor) -> Tensor:
        return z @ self.weights.to(z.dtype)


def weighted_logit_sum(hidden: Tensor, head: Head, weights: Tensor | None) -> Tensor:
    r"""Σ_v w_v z_v in closed form, for logits that are linear in the states.

    $$ \sum_v w_v z_v = h \cdot (W^\top w) + w \cdot b $$

    Args:
        hidden: `[N, D]`.
        head: weight and bias are honoured; it has nothing else.
        weights: w, `[V]`, without gradient; None for ones.

    Returns:
        `[N]`, float32 at least.
    """
    like = torch.promote_types(hidden.dtype, torch.float32)
    if weights is None:
        weights = torch.ones(head.size, device=hidden.device)
    weights = weights.detach().to(like)
    with torch.autocast(hidden.device.type, enabled=False):
        column = torch.zeros(hidden.shape[1], dtype=like, device=hidden.device)
        for part, rows in zip(
            torch.split(weights, SPLIT), torch.split(head.weight, SPLIT), strict=True
        ):
            column = column + part @ rows.to(like)
        total = hidden.to(like) @ column
        return total if head.bias is None else total + weights @ head.bias.to(like)
