"""What the arguments of apple/ml-cross-entropy mean here, and which of them are refused."""

from typing import Any

import torch
from torch import Tensor

from likely.core.errors import BadSetting, ShapeError, Unsupported, did_you_mean
from likely.vocab._checks import check_tensors, settle, wrong_number, wrong_reduction
from likely.vocab._rows import Rows, keep
from likely.vocab.scan import Backend

WHERE = "linear_cross_entropy"

IMPLEMENTATIONS: dict[str, Backend] = {
    "auto": "auto",
    "reference": "reference",
    "chunked": "chunked",
    "cce": "auto",
    "cce_exact": "auto",
    "cce_kahan": "auto",
    "cce_kahan_full_c": "auto",
    "cce_kahan_full_e": "auto",
    "cce_kahan_full_c_full_e": "auto",
    "torch_compile": "auto",
}
"""Names of implementations, theirs and ours, and the backend that each stands for."""


def rows_of(
    e: Tensor, targets: Tensor, ignore_index: int, size: int, shift: int
) -> tuple[Rows, torch.Size]:
    """The states that predict something and what they predict; the shape of all predicted.

    Args:
        e: `[..., T, D]`.
        targets: `[..., T]`.
        ignore_index: the target of rows that do not count.
        size: V.
        shift: how many places behind its state a target stands.

    Returns:
        Rows, and `[..., T − shift]`.
    """
    predicted = targets[..., shift:]
    reads = None
    if shift:
        place = torch.arange(targets.numel(), device=e.device).view(targets.shape)
        reads = place[..., :-shift].flatten()
    flat = predicted.flatten()
    return keep(WHERE, e.flatten(0, -2), flat, ignore_index, size, reads), predicted.shape


def check_arguments(
    e: Tensor,
    c: Tensor,
    targets: Tensor,
    bias: Tensor | None,
    softcap: float | None,
    reduction: str,
    shift: bool | int,
) -> None:
    """Refuse what does not fit or means nothing.

    Args:
        e: `[..., D]`.
        c: `[V, D]`.
        targets: `[...]`.
        bias: `[V]`.
        softcap: positive.
        reduction: one of three.
        shift: less than T.
    """
    check_tensors(WHERE, e=e, c=c, targets=targets, bias=bias)
    if e.dim() < 2 or e.shape[:-1] != targets.shape or e.shape[-1:] != c.shape[1:]:
        raise ShapeError(
            f"{WHERE}: e should be [..., D], targets [...] and c [V, D]; given {list(e.shape)}, "
            f"{list(targets.shape)} and {list(c.shape)}."
        )
    length = targets.shape[-1]
    whole = isinstance(shift, int) and shift >= 0 and (shift < length or not shift)
    settle(
        WHERE,
        [
            wrong_reduction(reduction),
            None if softcap is None else wrong_number("softcap", softcap, open_below=True),
            None if whole else f"shift={shift!r} should be a whole number from 0 to {length - 1}.",
        ],
    )


def backend_of(impl: Any, filter_eps: str | float | None) -> Backend:
    """The backend; the one place where a filter will be handed on once the engine has one.

    Args:
        impl: the name of an implementation, theirs or ours, or a member of their enumeration.
        filter_eps: `auto`, None or a number.

    Returns:
        The backend.

    Raises:
        Unsupported: a filter, or an implementation that is not known.
        BadSetting: filter_eps is another word.
    """
    if isinstance(filter_eps, str):
        if filter_eps not in ("auto", "high"):
            raise BadSetting(WHERE, [f"filter_eps={filter_eps!r} should be 'auto', None or 0."])
    elif filter_eps:
        raise Unsupported(
            f"{WHERE}: filter_eps={filter_eps!r} would drop small gradients, which is not "
            "supported; 'auto', None and 0 give the exact gradient."
        )
    name = impl if isinstance(impl, str) else str(getattr(impl, "name", impl)).lower()
    if name not in IMPLEMENTATIONS:
        near = did_you_mean(name, IMPLEMENTATIONS)
        raise Unsupported(f"{WHERE}: impl={name!r} is no implementation that is known here.{near}")
    return IMPLEMENTATIONS[name]
