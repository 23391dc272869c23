"""The one scan: hidden states in, per-token statistics out."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor

from likely.core.errors import ShapeError
from likely.core.head import Head
from likely.core.settings import checked
from likely.core.stats import Statistic, Stats, Want, as_wishes
from likely.vocab import _chunked, _reference
from likely.vocab._plan import Plan

Backend = Literal["auto", "reference", "chunked"]

HOLD_BYTES = 2**26
"""`auto` holds the logits where they take no more than this: bytes and characters always do."""


def scan(
    hidden: Float[Tensor, "N D"],
    head: Head,
    targets: Int[Tensor, "N"],
    want: Want,
    *,
    roles: Mapping[str, tuple[Tensor, Head]] | None = None,
    backend: Backend = "auto",
    block: Annotated[int, Ge(1)] | None = None,
) -> Stats:
    """Measure statistics of p(· | hidden) without keeping the logits.

    Statistics are float32 whatever the inputs (float64 for float64), and differentiable with
    respect to the states, the head's weight and bias, and tensors given in a wish.

    Args:
        hidden: last hidden states, `[N, D]`.
        head: what turns them into logits.
        targets: the token that came next, `[N]`.
        want: names of statistics, or wishes by name. `<role>_<name>` measures a second reader.
        roles: second readers by name: their states `[N, D']` and head; measured without gradient.
        backend: `reference` keeps the logits, `chunked` one block of them, `auto` chooses by size.
        block: words of the vocabulary held at once by `chunked`.

    Returns:
        One row a token for each statistic; `.backend` and `.sweeps` say what ran.

    Raises:
        UnknownName: no statistic has this name.
        ShapeError: states, head and targets do not fit, or a target is no word or an excluded one.
        BadSetting: block is not positive, or there is no such backend.

    Example:
        >>> import torch
        >>> h, head = torch.zeros(2, 3), Head(torch.zeros(5, 3))
        >>> scan(h, head, torch.tensor([0, 1]), {"log_prob"})["log_prob"].exp()
        tensor([0.2000, 0.2000])

    References:
        Wijmans et al., Cut Your Losses in Large-Vocabulary Language Models, 2025.
        arXiv:2411.09009 (the sweep); Milakov and Gimelshein, 2018. arXiv:1805.02867 (the shift).
    """
    checked(scan, locals())
    _check(hidden, head, targets)
    own, others = _by_role(as_wishes(want), roles or {})
    plan = Plan(own)
    name = _choose(backend, hidden, head)
    if name == "reference":
        shift, states, sweeps = _reference.run(hidden, head, targets, plan.accumulators)
    else:
        shift, states, sweeps = _chunked.run(hidden, head, targets, plan.accumulators, block)
    values = plan.finish(shift, states)
    for role, wishes in others.items():
        with torch.no_grad():
            second = scan(*(roles or {})[role], targets, wishes, backend=backend, block=block)
        values |= {f"{role}_{k}": v for k, v in second.items()}
    return Stats(values, name, sweeps)


def from_logits(logits: Float[Tensor, "N V"], targets: Int[Tensor, "N"], want: Want) -> Stats:
    """The same statistics where logits (or log-probabilities) are already there.

    Args:
        logits: `[N, V]`; −∞ for words that cannot come.
        targets: the token that came next, `[N]`.
        want: names of statistics, or wishes by name.

    Returns:
        One row a token for each statistic.

    Raises:
        UnknownName: no statistic has this name.
        ShapeError: logits and targets do not fit, or a target is no word.

    Example:
        >>> import torch
        >>> from_logits(torch.zeros(1, 4), torch.tensor([2]), {"entropy"})["entropy"].exp()
        tensor([4.])
    """
    _check_targets(len(logits), logits.shape[1], targets)
    plan = Plan(as_wishes(want))
    z = logits.to(torch.promote_types(logits.dtype, torch.float32))
    shift, states, sweeps = _reference.from_logits(z, targets, plan.accumulators)
    return Stats(plan.finish(shift, states), "reference", sweeps)


def _choose(backend: str, hidden: Tensor, head: Head) -> str:
    if backend != "auto":
        return backend
    return "reference" if 4 * len(hidden) * head.size <= HOLD_BYTES else "chunked"


def _by_role(
    wishes: Mapping[str, Statistic], roles: Mapping[str, object]
) -> tuple[dict[str, Statistic], dict[str, dict[str, Statistic]]]:
    own: dict[str, Statistic] = {}
    others: dict[str, dict[str, Statistic]] = {}
    for name, wish in wishes.items():
        role = next((r for r in roles if wish.name.startswith(f"{r}_")), None)
        if role is None:
            own[name] = wish
        else:
            bare = Statistic(wish.name.removeprefix(f"{role}_"), wish.rows, wish.settings)
            others.setdefault(role, {})[name.removeprefix(f"{role}_")] = bare
    return own, others


def _check(hidden: Tensor, head: Head, targets: Tensor) -> None:
    if head.weight.numel() == 0 or type(head.weight).__name__ == "DTensor":
        raise ShapeError(
            "scan: the head's weight is empty or sharded over processes here. Gather it first "
            "(`weight.full_tensor()`, or FSDP's `summon_full_params`)."
        )
    if hidden.shape[1] != head.weight.shape[1]:
        raise ShapeError(
            f"scan: hidden states are {hidden.shape[1]} wide and the head reads "
            f"{head.weight.shape[1]}: they do not belong together."
        )
    _check_targets(len(hidden), head.size, targets)
    if head.exclude is not None and len(targets) and bool(head.exclude[targets].any()):
        row = int(head.exclude[targets].nonzero()[0, 0])
        raise ShapeError(
            f"scan: the target of row {row} is word {int(targets[row])}, which the head excludes. "
            "Give that row weight 0, or do not exclude the word."
        )


def _check_targets(rows: int, size: int, targets: Tensor) -> None:
    if len(targets) != rows:
        raise ShapeError(f"scan: {rows} rows and {len(targets)} targets; each row needs one.")
    if rows and not 0 <= int(targets.min()) <= int(targets.max()) < size:
        bad = int(((targets < 0) | (targets >= size)).nonzero()[0, 0])
        raise ShapeError(
            f"scan: the target of row {bad} is {int(targets[bad])}, and words are numbered 0 to "
            f"{size - 1}. Rows to be ignored get weight 0 in a Batch, not −100 as target."
        )
