"""Weighted, smoothed cross-entropy with a penalty on lse²: what the drop-ins have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from likely.core.head import Head
from likely.core.stats import Statistic, Stats, as_wishes
from likely.vocab._ranks import Group
from likely.vocab._way import Filter
from likely.vocab._weighted_sum import WeightedSum, weighted_logit_sum
from likely.vocab.fused_loss import fused_loss
from likely.vocab.scan import Backend, scan

SUM = "weighted_sum"
"""The name under which Σ_v w_v z_v is measured where it is not linear in the states."""


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
        group: as for `scan`; without smoothing and class weights.
    """

    class_weight: Tensor | None = None
    smoothing: float = 0.0
    penalty: float = 0.0
    by_probability: bool = False
    share: Tensor | float = 1.0
    penalty_share: Tensor | float = 1.0
    backend: Backend = "auto"
    block: int | None = None
    filter_eps: Filter = None
    group: Group | None = None

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
            partial(self._value, head.size),
            hidden,
            head,
            targets,
            {**self._want(head), **also},
            columns=self._columns(targets),
            backend=self.backend,
            block=self.block,
            filter_eps=self.filter_eps,
            group=self.group,
        )
        total = fused.total
        if self.smoothing and head.softcap is None:
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
            {**self._want(head), **also},
            backend=self.backend,
            block=self.block,
            filter_eps=self.filter_eps,
            group=self.group,
        )
        values: Tensor = self._value(head.size, stats, self._columns(targets))
        if self.smoothing and head.softcap is None:
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

    def _want(self, head: Head) -> dict[str, Statistic]:
        if not (self.smoothing or self.penalty):
            return as_wishes(["log_prob"])
        want = as_wishes(["log_prob", "lse"])
        if self.smoothing and head.softcap is not None:
            weights = self.class_weight
            want[SUM] = (
                Statistic("sum_logit")
                if weights is None
                else Statistic("row", settings={"f": WeightedSum(weights)})
            )
        return want

    def _columns(self, targets: Tensor) -> dict[str, Tensor]:
        return {} if self.class_weight is None else {"weight": self.class_weight[targets]}

    def _value(self, size: int, stats: Mapping[str, Any], columns: Mapping[str, Tensor]) -> Tensor:
        """Everything but the sum of logits that smoothing needs, where that needs no sweep."""
        value = -(1 - self.smoothing) * stats["log_prob"]
        if "weight" in columns:
            value = value * columns["weight"].to(value.dtype)
        if self.smoothing:
            every = 1.0 if self.class_weight is None else _mean(self.class_weight, value.dtype)
            value = value + self.smoothing * every * stats["lse"]
        if SUM in stats:
            value = value - self.smoothing / size * stats[SUM]
        value = value * self.share
        if self.penalty:
            value = value + self.penalty * self.penalty_share * stats["lse"] ** 2
        return self._scaled(value, stats)

    def _linear(self, hidden: Tensor, head: Head, stats: Mapping[str, Any]) -> Tensor:
        """s·ε/V · Σ_v w_v z_v of every token, where it needs no sweep."""
        linear = weighted_logit_sum(hidden, head, self.class_weight) * (self.smoothing / head.size)
        return self._scaled(linear * self.share, stats)


def _mean(weights: Tensor, dtype: torch.dtype) -> Tensor:
    return weights.detach().to(dtype).mean()
