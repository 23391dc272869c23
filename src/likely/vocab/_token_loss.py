"""Weighted, smoothed cross-entropy with a penalty on lse²: what the drop-ins have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from likely.core.head import Head
from likely.core.stats import Statistic, Stats, as_wishes
from likely.vocab._dense_rows import row_values
from likely.vocab.fused_loss import fused_loss
from likely.vocab.scan import Backend, scan

SPLIT = 4096
"""Words of which the weighted sum of rows is taken at once, in float32."""


@dataclass(frozen=True, eq=False)
class TokenLoss:
    r"""The loss of one token, and how it is measured without logits.

    $$ s \big[(1 - \varepsilon)\, w_y (\operatorname{lse} - z_y)
       + \tfrac{\varepsilon}{V} \sum_v w_v (\operatorname{lse} - z_v)\big]
       + t\, \lambda \operatorname{lse}^2 $$
    times p_y (without gradient) where `by_probability` says so.

    Args:
        class_weight: w, `[V]`; None for ones. It has no gradient.
        smoothing: ε.
        penalty: λ.
        by_probability: whether each token counts as much as its target was likely.
        share: s, one number.
        penalty_share: t, one number.
        backend: as for `scan`.
        block: as for `scan`.
        filter_eps: as for `scan`.
    """

    class_weight: Tensor | None = None
    smoothing: float = 0.0
    penalty: float = 0.0
    by_probability: bool = False
    share: Tensor | float = 1.0
    penalty_share: Tensor | float = 1.0
    backend: Backend = "auto"
    block: int | None = None
    filter_eps: float | None = None

    def summed(
        self, hidden: Tensor, head: Head, targets: Tensor, also: Mapping[str, Statistic]
    ) -> tuple[Tensor, Stats]:
        """Σ over tokens, its gradients added up in the forward sweep, and statistics without any.

        Args:
            hidden: `[N, D]`.
            head: what turns them into logits.
            targets: `[N]`.
            also: what to measure besides.

        Returns:
            One number, and the statistics.
        """
        fused = fused_loss(
            self._value,
            hidden,
            head,
            targets,
            {**self._want(), **also},
            columns=self._columns(targets),
            backend=self.backend,
            block=self.block,
            filter_eps=self.filter_eps,
        )
        total = fused.total
        if self.smoothing:
            total = total - self._linear(hidden, head, fused.stats).sum()
        return total, fused.stats

    def each(
        self, hidden: Tensor, head: Head, targets: Tensor, also: Mapping[str, Statistic]
    ) -> tuple[Tensor, Stats]:
        """The loss of every token and statistics, both differentiable; the backward recomputes.

        Args:
            hidden: `[N, D]`.
            head: what turns them into logits.
            targets: `[N]`.
            also: what to measure besides.

        Returns:
            `[N]`, and the statistics.
        """
        stats = scan(
            hidden,
            head,
            targets,
            {**self._want(), **also},
            backend=self.backend,
            block=self.block,
            filter_eps=self.filter_eps,
        )
        values: Tensor = self._value(stats, self._columns(targets))
        if self.smoothing:
            values = values - self._linear(hidden, head, stats)
        return values, stats

    def penalties(self, stats: Mapping[str, Any]) -> Tensor:
        """t·λ·lse² of every token, times p_y where `by_probability` says so.

        Args:
            stats: `lse` and `log_prob`.

        Returns:
            `[N]`.
        """
        return self._scaled(self.penalty * self.penalty_share * stats["lse"] ** 2, stats)

    def _scaled(self, values: Tensor, stats: Mapping[str, Any]) -> Tensor:
        return values * stats["log_prob"].detach().exp() if self.by_probability else values

    def _want(self) -> dict[str, Statistic]:
        return as_wishes(["log_prob", "lse"] if self.smoothing or self.penalty else ["log_prob"])

    def _columns(self, targets: Tensor) -> dict[str, Tensor]:
        return {} if self.class_weight is None else {"weight": self.class_weight[targets]}

    def _value(self, stats: Mapping[str, Any], columns: Mapping[str, Tensor]) -> Tensor:
        """Everything but the sum of logits that smoothing needs."""
        value = -(1 - self.smoothing) * stats["log_prob"]
        if "weight" in columns:
            value = value * columns["weight"].to(value.dtype)
        if self.smoothing:
            every = 1.0 if self.class_weight is None else _mean(self.class_weight, value.dtype)
            value = value + self.smoothing * every * stats["lse"]
        value = value * self.share
        if self.penalty:
            value = value + self.penalty * self.penalty_share * stats["lse"] ** 2
        return self._scaled(value, stats)

    def _linear(self, hidden: Tensor, head: Head, stats: Mapping[str, Any]) -> Tensor:
        """s·ε/V · Σ_v w_v z_v of every token."""
        weights = self.class_weight
        if weights is None:
            weights = torch.ones(head.size, device=hidden.device)
        linear = weighted_logit_sum(hidden, head, weights) * (self.smoothing / head.size)
        return self._scaled(linear * self.share, stats)


def _mean(weights: Tensor, dtype: torch.dtype) -> Tensor:
    return weights.detach().to(dtype).mean()


def weighted_logit_sum(hidden: Tensor, head: Head, weights: Tensor) -> Tensor:
    r"""Σ_v w_v z_v; in closed form where the logits are linear in the states.

    $$ \sum_v w_v z_v = h \cdot (W^\top w) + w \cdot b $$
    A softcap needs the logits themselves: then they are held for some tokens at a time.

    Args:
        hidden: `[N, D]`.
        head: weight, bias and softcap are honoured; it has nothing else.
        weights: w, `[V]`, without gradient.

    Returns:
        `[N]`, float32 at least.
    """
    like = torch.promote_types(hidden.dtype, torch.float32)
    weights = weights.detach().to(like)
    if head.softcap is not None:
        return row_values(lambda z: z @ weights.to(z.dtype), hidden, head)
    with torch.autocast(hidden.device.type, enabled=False):
        column = torch.zeros(hidden.shape[1], dtype=like, device=hidden.device)
        for part, rows in zip(
            torch.split(weights, SPLIT), torch.split(head.weight, SPLIT), strict=True
        ):
            column = column + part @ rows.to(like)
        total = hidden.to(like) @ column
        return total if head.bias is None else total + weights @ head.bias.to(like)
