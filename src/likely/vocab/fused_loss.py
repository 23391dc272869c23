"""A loss that is a function of each token's statistics, with its gradient taken in the sweep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor

from likely.core.head import Head
from likely.core.settings import checked
from likely.core.stats import Stats, Want
from likely.vocab.scan import Backend, scan

Function = Callable[[Mapping[str, Any], Mapping[str, Tensor]], Any]
"""(statistics of some tokens, columns of the same tokens) → values, or (values, weight)."""


@dataclass(frozen=True, eq=False)
class Fused:
    """What a fused loss gives.

    Args:
        total: Σ weight·value, one number; its gradient reaches states, head and wishes' tensors.
        weight: Σ weight, one number, without gradient: divide `total` by it for the mean.
        values: the loss of each token, `[N]`, without gradient.
        stats: every statistic of `want`, without gradient.
    """

    total: Float[Tensor, ""]
    weight: Float[Tensor, ""]
    values: Float[Tensor, "N"]
    stats: Stats


def fused_loss(
    fn: Function,
    hidden: Float[Tensor, "N D"],
    head: Head,
    targets: Int[Tensor, "N"],
    want: Want,
    *,
    columns: Mapping[str, Tensor] | None = None,
    roles: Mapping[str, tuple[Tensor, Head]] | None = None,
    backend: Backend = "auto",
    block: Annotated[int, Ge(1)] | None = None,
) -> Fused:
    """Sum a per-token function of statistics; gradients are added up in the forward sweep.

    Args:
        fn: `fn(stats, columns)` for some of the tokens gives one value a token, or values and
            weights; it must not mix tokens.
        hidden: last hidden states, `[N, D]`.
        head: what turns them into logits.
        targets: the token that came next, `[N]`.
        want: what to measure; names or wishes by name.
        columns: what else `fn` reads, one row a token each.
        roles: second readers by name.
        backend: as for `scan`.
        block: as for `scan`.

    Returns:
        The sum with its gradient, the weights' sum, values and statistics.

    Raises:
        ShapeError: tensors do not fit.
        UnknownName: no statistic has a name of `want`.
    """
    checked(fused_loss, locals())
    columns = columns or {}
    stats = scan(hidden, head, targets, want, roles=roles, backend=backend, block=block)
    found = fn(stats, columns)
    values, weight = found if isinstance(found, tuple) else (found, torch.ones_like(found))
    total = (values * weight).sum()
    return Fused(total, weight.sum().detach(), values.detach(), stats)
