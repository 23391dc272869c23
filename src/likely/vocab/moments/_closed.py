"""Sums over the vocabulary that need no sweep, where logits are linear in the state."""

from dataclasses import dataclass

import torch
from torch import Tensor

from likely.core.head import Head


@dataclass(frozen=True, eq=False)
class Linear:
    """Logits (h Wᵀ + b) · factor of the words that can come.

    Args:
        hidden: `[N, D]`, in the dtype of the sums.
        weight: `[V, D]`, as given.
        bias: `[V]` in the dtype of the sums, or None.
        factor: scale / temperature, one number or one a token.
    """

    hidden: Tensor
    weight: Tensor
    bias: Tensor | None
    factor: Tensor | float

    @classmethod
    def of(cls, hidden: Tensor, head: Head) -> "Linear | None":
        """The linear part of a head.

        Args:
            hidden: last hidden states.
            head: their head.

        Returns:
            None where the logits are not linear in the states, or every token has its own weight.
        """
        if head.softcap is not None or head.score != "dot" or head.sequence is not None:
            return None
        weight, bias = head.weight, head.bias
        if head.exclude is not None:
            there = (~head.exclude).nonzero()[:, 0]
            weight, bias = weight[there], None if bias is None else bias[there]
        wide = torch.promote_types(torch.promote_types(hidden.dtype, weight.dtype), torch.float32)
        factor = head.scale / head.temperature
        bias = None if bias is None else bias.to(wide)
        factor = factor.to(wide) if isinstance(factor, Tensor) else factor
        return cls(hidden.to(wide), weight, bias, factor)

    def sum(self) -> Tensor:
        """Σ z.

        Returns:
            `[N]`.
        """
        with torch.autocast(self.hidden.device.type, enabled=False):
            found = self.hidden @ self.weight.sum(0, dtype=self.hidden.dtype)
            if self.bias is not None:
                found = found + self.bias.sum()
            return found * self.factor

    def square_sum(self) -> Tensor:
        """Σ z².

        Returns:
            `[N]`.
        """
        with torch.autocast(self.hidden.device.type, enabled=False):
            weight = self.weight.to(self.hidden.dtype)
            found = ((self.hidden @ (weight.T @ weight)) * self.hidden).sum(-1)
            if self.bias is not None:
                cross = self.hidden @ (weight.T @ self.bias)
                found = found + 2 * cross + self.bias.square().sum()
            return found * self.factor**2
