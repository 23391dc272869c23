"""The sweep that knows its loss: each block's gradient is taken while its products are there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from likely.core.errors import ShapeError, Unsupported
from likely.vocab._differentiate import vjp
from likely.vocab._filter import limit
from likely.vocab._gradients import Gradients
from likely.vocab._kernels import Flat
from likely.vocab._plan import Plan
from likely.vocab._spec import Spec
from likely.vocab._sweep import Sweep
from likely.vocab._way import Way


@dataclass(frozen=True, eq=False)
class Job:
    """A fused loss without its tensors.

    Args:
        spec: what is summed.
        way: how.
        plan: reads statistics off the sums.
        fn: statistics and columns of some tokens → values, or values and weights.
        columns: names of what else it reads.
        layout: the statistics' names, and how many tensors each is; known after the first block.
    """

    spec: Spec
    way: Way
    plan: Plan
    fn: Callable[[Mapping[str, Any], Mapping[str, Tensor]], Any]
    columns: tuple[str, ...]
    layout: list[tuple[str, int]] = field(default_factory=list)

    def loss(
        self, shifts: Flat, states: Sequence[Flat], rows: Sequence[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Σ weight·value of some tokens, and beside it weights, values and statistics.

        Args:
            shifts: a reader.
            states: an accumulator.
            rows: what the plan reads by row, then the columns of `fn`.

        Returns:
            The sum, and what else is kept.
        """
        own = len(self.plan.rows)
        stats = self.plan.finish(self.spec.by_name(shifts), states, rows[:own])
        found = self.fn(stats, dict(zip(self.columns, rows[own:], strict=True)))
        values, weight = found if isinstance(found, tuple) else (found, torch.ones_like(found))
        if values.shape != shifts[0].shape or weight.shape != values.shape:
            raise ShapeError(
                f"fused_loss: the function got statistics of {len(shifts[0])} tokens and must "
                f"return one value (and one weight) a token; it returned {list(values.shape)}."
            )
        weight = weight.to(values.dtype)
        several = {k: v if isinstance(v, tuple) else (v,) for k, v in stats.items()}
        self.layout[:] = [(k, len(v)) for k, v in several.items()]
        flat = tuple(t.detach() for v in several.values() for t in v)
        return (weight * values).sum(), (weight.detach(), values.detach(), *flat)


def run(
    job: Job,
    tensors: Sequence[Tensor],
    rows: Sequence[Tensor],
    needs: Sequence[bool],
    rows_needs: Sequence[bool],
) -> list[Tensor]:
    """Sweep some tokens at a time, forward and backward.

    Args:
        job: what and how.
        tensors: in the order of the job's spec.
        rows: what the plan reads by row, then the columns of the function.
        needs: which tensors want a gradient.
        rows_needs: which rows do.

    Returns:
        The total, the weights' sum, values `[N]`, statistics, and every wanted gradient.
    """
    if any(one.per_word for one in job.spec.sums):
        raise Unsupported(
            "fused_loss: a statistic with one number a word (column_sums) is no function of one "
            "token; measure it with scan."
        )
    sweep = Sweep(job.spec, job.way, tensors)
    gradients = Gradients(sweep, needs) if any(needs) else None
    to_rows = [torch.zeros_like(t) for t, need in zip(rows, rows_needs, strict=True) if need]
    found: list[tuple[Tensor, tuple[Tensor, ...]]] = []
    for place in sweep.row_blocks():
        products = sweep.products(place)
        shifts, flat = sweep.states_of(products, place)
        some = [t[place.rows] for t in rows]
        if gradients is None and not to_rows:
            found.append(job.loss(shifts, job.spec.unflatten(flat), some))
            continue
        total, kept, grads, row_grads = _differentiated(job, sweep, shifts, flat, some, rows_needs)
        found.append((total, kept))
        for into, grad in zip(to_rows, row_grads, strict=True):
            into[place.rows] = grad
        if gradients is not None:
            gradients.limit = limit(job.spec, job.way, flat, grads)
            gradients.add(place, products, shifts, flat, grads)
    totals, kept_blocks = zip(*found, strict=True)
    weight, values, *stats = (torch.cat(parts) for parts in zip(*kept_blocks, strict=True))
    given = [] if gradients is None else [g for g in gradients.finish() if g is not None]
    return [torch.stack(totals).sum(), weight.sum(), values, *stats, *given, *to_rows]


def _differentiated(
    job: Job,
    sweep: Sweep,
    shifts: Flat,
    flat: Flat,
    rows: Sequence[Tensor],
    rows_needs: Sequence[bool],
) -> tuple[Tensor, tuple[Tensor, ...], list[Tensor | None], list[Tensor]]:
    """The loss of a block with its gradient on states and rows."""
    smooth = [i for i, part in enumerate(flat) if part.is_floating_point()]
    wanted = [i for i, need in enumerate(rows_needs) if need]

    def loss(*leaves: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        states, some = list(flat), list(rows)
        for i, leaf in zip(smooth, leaves, strict=False):
            states[i] = leaf
        for i, leaf in zip(wanted, leaves[len(smooth) :], strict=True):
            some[i] = leaf
        return job.loss(shifts, job.spec.unflatten(states), some)

    leaves = [flat[i] for i in smooth] + [rows[i] for i in wanted]
    total, pull, kept = vjp(loss, *leaves, has_aux=True)
    pulled = pull(torch.ones_like(total))
    grads: list[Tensor | None] = [None] * len(flat)
    for i, grad in zip(smooth, pulled, strict=False):
        grads[i] = grad
    return total, kept, grads, list(pulled[len(smooth) :])


def shapes(
    job: Job,
    fakes: tuple[Sequence[Tensor], Sequence[Tensor]],
    tensors: Sequence[Tensor],
    rows: Sequence[Tensor],
    needs: Sequence[bool],
    rows_needs: Sequence[bool],
) -> list[Tensor]:
    """What `run` would return, for tensors that have shapes alone.

    Args:
        job: what and how.
        fakes: shifts and flat states of the right shapes.
        tensors: as for `run`.
        rows: as for `run`.
        needs: as for `run`.
        rows_needs: as for `run`.

    Returns:
        Tensors of the right shapes.
    """
    shifts, flat = fakes
    total, (weight, *kept) = job.loss(tuple(shifts), job.spec.unflatten(flat), rows)
    wanted = [torch.empty_like(t) for t, need in zip(tensors, needs, strict=True) if need]
    wanted += [torch.empty_like(t) for t, need in zip(rows, rows_needs, strict=True) if need]
    return [torch.empty_like(t) for t in (total, weight.sum(), *kept)] + wanted
