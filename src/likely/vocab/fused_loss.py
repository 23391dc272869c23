"""A loss that is a function of each token's statistics, with its gradient taken in the sweep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt
from jaxtyping import Float, Int
from torch import Tensor

from likely.core.head import Head
from likely.core.settings import checked
from likely.core.stats import Stats, Want
from likely.core.traced import is_traced
from likely.vocab import _fused, _operators
from likely.vocab._engines import Backend
from likely.vocab._prepared import prepare
from likely.vocab._ranks import Group
from likely.vocab._readers import Role
from likely.vocab._run import run

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
    roles: Mapping[str, Role] | None = None,
    backend: Backend = "auto",
    block: Annotated[int, Ge(1)] | None = None,
    compiled: bool | None = None,
    filter_eps: Annotated[float, Gt(0)] | Literal["auto"] | None = None,
    group: Group | None = None,
) -> Fused:
    """Sum a per-token function of statistics; gradients are added up in the forward sweep.

    Some tokens are taken at a time with the whole vocabulary: their statistics, the function, its
    gradient on the statistics, the gradient on the logits, and two products back to states and
    weight. Three products in all, against four of `scan`, which must wait for the loss. Sums and
    the weight's gradient are float32 whatever the inputs (float64 for float64). `triton` and a
    vocabulary on several processes keep no row of logits, and take four as `scan` does.

    Args:
        fn: `fn(stats, columns)` for some of the tokens gives one value a token, or values and
            weights; it must not mix tokens.
        hidden: last hidden states, `[N, D]`.
        head: what turns them into logits.
        targets: the token that came next, `[N]`.
        want: what to measure; names or wishes by name.
        columns: what else `fn` reads, one row a token each; they may want a gradient.
        roles: second readers by name, as for `scan`.
        backend: as for `scan`.
        block: as for `scan`.
        compiled: as for `scan`.
        filter_eps: as for `scan`.
        group: as for `scan`; gradients then wait for the other processes, as in `scan`.

    Returns:
        The sum with its gradient, the weights' sum, values and statistics.

    Raises:
        ShapeError: tensors do not fit, or the function does not return one value a token.
        UnknownName: no statistic has a name of `want`.
        Unsupported: a statistic with one number a word is wanted.

    Example:
        >>> import torch
        >>> h = torch.zeros(2, 3, requires_grad=True)
        >>> found = fused_loss(
        ...     lambda stats, columns: -stats["log_prob"],
        ...     h, Head(torch.ones(4, 3)), torch.tensor([0, 1]), {"log_prob"}, backend="chunked",
        ... )
        >>> found.total / found.weight
        tensor(1.3863, grad_fn=<DivBackward0>)

    References:
        Hsu et al., Liger Kernel, 2024. arXiv:2410.10989 (gradients in the forward sweep).
    """
    checked(fused_loss, locals())
    asked = prepare(
        hidden,
        head,
        targets,
        want,
        roles or {},
        backend=backend,
        block=block,
        schedule="rows",
        compiled=compiled,
        filter_eps=filter_eps,
        fused=True,
        group=group,
    )
    # What a second reader says alone has no gradient and is known before: columns of the function.
    own, alone = tuple(columns or {}), tuple(asked.known)
    every = {**(columns or {}), **asked.known}

    def apply(stats: Mapping[str, Any], given: Mapping[str, Tensor]) -> Any:
        known = {name: given[name] for name in alone}
        return fn({**stats, **known}, {name: given[name] for name in own})

    job = _fused.Job(asked.spec, asked.way, asked.plan, apply, tuple(every))
    rows = [*asked.plan.rows, *every.values()]
    if asked.backend != "chunked":
        # Nothing of a row is kept from which its gradient could be taken in the same sweep.
        shifts, states = run(asked)
        total, (weights, values, *rest) = job.loss(tuple(shifts), states, rows)
        weight = weights.sum()
    else:
        grad = torch.is_grad_enabled()
        needs = [grad and t.requires_grad for t in asked.tensors]
        rows_needs = [grad and t.requires_grad for t in rows]
        name = _operators.keep(job)
        found = _operators.fused(asked.tensors, rows, needs, rows_needs, name)
        total, weight, values, *rest = found
        if not is_traced(hidden):
            # A recorded graph asks for it again; here nobody does, and it holds tensors.
            _operators.forget(name)
    stats: dict[str, Any] = dict(asked.known)
    for key, width in job.layout:
        some, rest = rest[:width], rest[width:]
        stats[key] = some[0].detach() if width == 1 else tuple(t.detach() for t in some)
    return Fused(total, weight.detach(), values.detach(), Stats(stats, asked.backend, asked.sweeps))
