"""What the arguments of apple/ml-cross-entropy mean here, and which of them are refused."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from likely.core.errors import BadSetting, ShapeError, Unsupported, did_you_mean
from likely.vocab._checks import check_tensors, settle, wrong_number, wrong_reduction
from likely.vocab._ranks import Across
from likely.vocab._rows import Rows, keep
from likely.vocab._way import Filter
from likely.vocab.scan import Backend

WHERE = "linear_cross_entropy"

IMPLEMENTATIONS: dict[str, Backend] = {
    "auto": "auto",
    "reference": "reference",
    "chunked": "chunked",
    "triton": "triton",
    "cce": "auto",
    "cce_exact": "auto",
    "cce_kahan": "auto",
    "cce_kahan_full_c": "auto",
    "cce_kahan_full_e": "auto",
    "cce_kahan_full_c_full_e": "auto",
    "torch_compile": "auto",
}
"""Names of implementations, theirs and ours, and the backend that each stands for."""

EXACT = ("reference", "torch_compile", "cce_exact", "cce_kahan_full_c_full_e")
"""Those that never filter."""


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


def way_of(
    impl: Any, filter_eps: str | float | None, filter_both: bool, device: torch.device
) -> tuple[Backend, Filter]:
    """The backend, and below which size gradients are dropped.

    Args:
        impl: the name of an implementation, theirs or ours, or a member of their enumeration.
        filter_eps: `auto`, None or a number.
        filter_both: whether the gradients of states and classifier may both be filtered.
        device: where they lie; elsewhere than on a GPU a filter saves nothing.

    Returns:
        The backend and the size; None where nothing is dropped.

    Raises:
        Unsupported: a filter of one of two gradients, or an implementation that is not known.
        BadSetting: filter_eps is another word, or negative.
    """
    name = impl if isinstance(impl, str) else str(getattr(impl, "name", impl)).lower()
    if name not in IMPLEMENTATIONS:
        near = did_you_mean(name, IMPLEMENTATIONS)
        raise Unsupported(f"{WHERE}: impl={name!r} is no implementation that is known here.{near}")
    backend, one_sided = IMPLEMENTATIONS[name], name in ("cce_kahan_full_c", "cce_kahan_full_e")
    if filter_eps in ("auto", "high", None):
        worth = filter_eps == "auto" and device.type == "cuda" and filter_both
        return backend, "auto" if worth and name not in EXACT and not one_sided else None
    wrong = wrong_number("filter_eps", filter_eps)
    if isinstance(filter_eps, str) or wrong:
        raise BadSetting(
            WHERE, [f"filter_eps={filter_eps!r} should be 'auto', None, or a number from 0 on."]
        )
    if not filter_eps or name in EXACT:
        return backend, None
    if one_sided or not filter_both:
        raise Unsupported(
            f"{WHERE}: a filter of only one of the two gradients is not supported; leave "
            "filter_eps at 'auto', which then filters none."
        )
    return backend, float(filter_eps)


ANY_WORD = 2**62
"""A size that no target reaches: how many words there are is known when the processes met."""


def across_of(options: Any, c: Tensor) -> Across | None:
    """The processes of a vocabulary in parts, and what is done about the gradient of e.

    Args:
        options: None, or an object with `start`, `stop`, `group` and `reduce_e_grad`.
        c: the rows of the own words.

    Returns:
        None where the vocabulary is here.

    Raises:
        ShapeError: start and stop are not those of so many rows.
        BadSetting: an attribute is missing.
    """
    if options is None:
        return None
    missing = [name for name in ("start", "stop") if not hasattr(options, name)]
    if missing:
        raise BadSetting(
            WHERE,
            [f"vocab_parallel_options has no {' and no '.join(missing)}; it needs both, and may "
             "have group and reduce_e_grad."],
        )  # fmt: skip
    start, stop = int(options.start), int(options.stop)
    if stop - start != len(c) or start < 0:
        raise ShapeError(
            f"{WHERE}: vocab_parallel_options says that words {start} to {stop - 1} are here, and "
            f"c has {len(c)} rows. Give c[start:stop], or a DTensor's to_local()."
        )
    group: Any = getattr(options, "group", None)
    found: Any = dist.group.WORLD if group is None else group
    return Across(found, bool(getattr(options, "reduce_e_grad", True)), start)
