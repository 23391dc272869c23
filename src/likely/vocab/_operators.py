"""The sweeps as operators of torch: `torch.compile` sees one node each, with known shapes.

Inside, modes that watch every operation (schema checks, counters) are off: what is differentiated
there by `torch.func` are wrappers that have no storage to look at.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from likely.core.errors import Unsupported
from likely.vocab import _chunked, _fused
from likely.vocab._spec import Spec
from likely.vocab._way import Way

_KEYS: dict[tuple[Spec, Way], str] = {}
_JOBS: dict[str, Any] = {}
_RECORDED: set[str] = set()
"""Jobs in graphs that were recorded: these are never forgotten."""
KEPT = 256
"""So many others are remembered: what a wish's own functions hold is not kept for ever."""


def key_of(spec: Spec, way: Way) -> str:
    """The name of a sweep, for operators that take no objects.

    Args:
        spec: what is summed.
        way: how.

    Returns:
        A string; equal sweeps have equal ones.
    """
    job = (spec, way)
    if job not in _KEYS:
        _KEYS[job] = keep(job)
    return _KEYS[job]


def keep(job: Any) -> str:
    """Remember a job.

    Args:
        job: any object.

    Returns:
        Its name.
    """
    if len(_JOBS) - len(_RECORDED) >= KEPT:
        oldest = next(known for known in _JOBS if known not in _RECORDED)
        _KEYS.pop(_JOBS.pop(oldest), None)
    keep.count += 1  # type: ignore[attr-defined]
    name = f"sweep {keep.count}"  # type: ignore[attr-defined]
    _JOBS[name] = job
    return name


keep.count = 0  # type: ignore[attr-defined]


def _engine(way: Way) -> Any:
    if way.engine == "chunked":
        return _chunked
    from likely.vocab import _triton

    return _triton


def forget(name: str) -> None:
    """Let a job go.

    Args:
        name: what `keep` gave.
    """
    _JOBS.pop(name, None)


@torch.library.custom_op("likely::sweep", mutates_args=())
def sweep(tensors: list[Tensor], job: str) -> list[Tensor]:
    """Shifts and states of a sweep.

    Args:
        tensors: in the order of the sweep's `Spec`.
        job: the name that `key_of` gave.

    Returns:
        Shifts `[N]` a reader, then flat states.
    """
    spec, way = _JOBS[job]
    with _disable_current_modes():
        shifts, states = _engine(way).forward(spec, way, tensors)
        if way.ranks is not None and not spec.gathered:
            from likely.vocab._merge import merge

            shifts, states = merge(spec, way.ranks, shifts, states)
    return [*shifts, *states]


@sweep.register_fake
def _(tensors: list[Tensor], job: str) -> list[Tensor]:
    _RECORDED.add(job)
    spec, way = _JOBS[job]
    return _shapes(spec, way, tensors)


def _shapes(spec: Spec, way: Way, tensors: Sequence[Tensor]) -> list[Tensor]:
    at, products = 0, []
    like = getattr(torch, way.sums)
    size = tensors[1].shape[-2]
    for reader in spec.readers:
        products.append(tensors[at].new_empty((tensors[at].shape[0], size), dtype=like))
        at += 3 if reader.table else 2
    shifts, states = spec.evaluate(products, tensors[at:], 0)
    return [torch.empty_like(t) for t in (*shifts, *(p for state in states for p in state))]


@torch.library.custom_op("likely::sweep_backward", mutates_args=())
def sweep_backward(
    tensors: list[Tensor],
    found: list[Tensor],
    grads: list[Tensor | None],
    needs: list[bool],
    job: str,
) -> list[Tensor]:
    """Gradients of a sweep.

    Args:
        tensors: as given to `sweep`.
        found: what it returned.
        grads: gradients on that.
        needs: which tensors want one.
        job: as given to `sweep`.

    Returns:
        One gradient for each tensor that wants one.
    """
    spec, way = _JOBS[job]
    readers = len(spec.readers)
    states = (tuple(found[:readers]), tuple(found[readers:]))
    with _disable_current_modes():
        every = _engine(way).backward(spec, way, tensors, *states, grads[readers:], needs)
    return [g for g in every if g is not None]


@sweep_backward.register_fake
def _(
    tensors: list[Tensor],
    found: list[Tensor],
    grads: list[Tensor | None],
    needs: list[bool],
    job: str,
) -> list[Tensor]:
    return [torch.empty_like(t) for t, need in zip(tensors, needs, strict=True) if need]


def _keep_for_backward(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    tensors, job = inputs
    ctx.save_for_backward(*tensors, *output)
    ctx.count, ctx.job = len(tensors), job
    ctx.set_materialize_grads(False)


def _pull(ctx: Any, grads: list[Tensor | None]) -> tuple[list[Tensor | None], None]:
    saved = ctx.saved_tensors
    tensors, found = list(saved[: ctx.count]), list(saved[ctx.count :])
    needs = list(ctx.needs_input_grad[0]) if ctx.needs_input_grad else []
    few = iter(sweep_backward(tensors, found, list(grads), needs, ctx.job))
    return [next(few) if need else None for need in needs], None


sweep.register_autograd(_pull, setup_context=_keep_for_backward)


def _refuse(ctx: Any, *grads: Any) -> Any:
    raise Unsupported(
        "scan: the chunked backend has no second derivative, nor has triton. Ask for "
        "backend='reference', which keeps the logits and can be differentiated again."
    )


sweep_backward.register_autograd(_refuse)


@torch.library.custom_op("likely::fused", mutates_args=())
def fused(
    tensors: list[Tensor],
    rows: list[Tensor],
    needs: list[bool],
    rows_needs: list[bool],
    job: str,
) -> list[Tensor]:
    """A loss and its gradients in one sweep.

    Args:
        tensors: in the order of the sweep's `Spec`.
        rows: what else is read by row.
        needs: which tensors want a gradient.
        rows_needs: which rows do.
        job: the name that `keep` gave.

    Returns:
        Total, weight, values, statistics, then every wanted gradient of the total.
    """
    with _disable_current_modes():
        return _fused.run(_JOBS[job], tensors, rows, needs, rows_needs)


@fused.register_fake
def _(
    tensors: list[Tensor],
    rows: list[Tensor],
    needs: list[bool],
    rows_needs: list[bool],
    job: str,
) -> list[Tensor]:
    _RECORDED.add(job)
    known: _fused.Job = _JOBS[job]
    found = _shapes(known.spec, known.way, tensors)
    readers = len(known.spec.readers)
    fakes = (found[:readers], found[readers:])
    return _fused.shapes(known, fakes, tensors, rows, needs, rows_needs)


def _keep_gradients(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    _, _, needs, rows_needs, _ = inputs
    ctx.needs, ctx.rows_needs = list(needs), list(rows_needs)
    wanted = sum(ctx.needs) + sum(ctx.rows_needs)
    ctx.save_for_backward(*output[len(output) - wanted :])
    ctx.set_materialize_grads(False)


def _scale(ctx: Any, grads: list[Tensor | None]) -> tuple[Any, ...]:
    upstream = grads[0]
    few = iter(ctx.saved_tensors)

    def of(needs: list[bool]) -> list[Tensor | None]:
        scaled = [next(few) if need else None for need in needs]
        return [None if g is None or upstream is None else g * upstream.to(g) for g in scaled]

    # An empty list among the inputs counts as a structure of its own.
    none: list[Any] | None = None if ctx.rows_needs else []
    return of(ctx.needs), of(ctx.rows_needs), None, none, None


fused.register_autograd(_scale, setup_context=_keep_gradients)
