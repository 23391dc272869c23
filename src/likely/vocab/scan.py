"""The one scan: hidden states in, per-token statistics out."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor

from likely.core.catalogue import catalogue
from likely.core.errors import NotMeasured, ShapeError
from likely.core.head import Form, Head
from likely.core.settings import checked
from likely.core.stats import Statistic, Stats, Want, as_wishes
from likely.core.top_logits import TopLogits
from likely.vocab import _operators, _reference
from likely.vocab._plan import Plan, without_closed
from likely.vocab._readers import Role, readers_of
from likely.vocab._spec import SELF, Reader, Spec
from likely.vocab._way import Schedule, Way, emulated, way
from likely.vocab.moments._accumulator import State

Backend = Literal["auto", "reference", "chunked"]

HOLD_BYTES = 2**26
"""`auto` holds the logits where they take no more than this: bytes and characters always do."""


def scan(
    hidden: Float[Tensor, "N D"],
    head: Head,
    targets: Int[Tensor, "N"],
    want: Want,
    *,
    roles: Mapping[str, Role] | None = None,
    backend: Backend = "auto",
    block: Annotated[int, Ge(1)] | None = None,
    schedule: Schedule = "auto",
    compiled: bool | None = None,
) -> Stats:
    """Measure statistics of p(· | hidden) without keeping the logits.

    Statistics are float32 whatever the inputs (float64 for float64), and differentiable with
    respect to the states, everything in the head, and tensors given in a wish. Backward computes
    the logits again: four products of the head's size in all, two where the head wants no gradient
    and three with its gradient alone, one where nothing does.

    Args:
        hidden: last hidden states, `[N, D]`.
        head: what turns them into logits.
        targets: the token that came next, `[N]`.
        want: names of statistics, or wishes by name. `<role>_<name>` measures a second reader.
        roles: second readers by name: their states `[N, D']` and head, or stored `TopLogits`.
            What they say alone is measured without gradient; statistics between them and the model
            have one for both. Heads of other sizes are cut or padded with impossible words.
        backend: `reference` keeps the logits, `chunked` a block of them, `auto` chooses by size.
        block: how many logits `chunked` holds at once; by default what caches and products like.
        schedule: whether `chunked` takes some tokens and all words (`rows`) or some words and all
            tokens (`tiles`); `auto` takes rows, and tiles for the gradient of a weight.
        compiled: whether the elementwise work is compiled; None where there is a C++ compiler and
            so much to do that it pays.

    Returns:
        One row a token for each statistic; `.backend` and `.sweeps` say what ran.

    Raises:
        UnknownName: no statistic has this name.
        NotMeasured: a statistic needs a role that is not given.
        ShapeError: states, head and targets do not fit, or a target is no word or an excluded one.
        BadSetting: block is not positive, or there is no such backend.
        Unsupported: a second derivative is taken through `chunked`.

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
    roles = roles or {}
    own, others = by_role(as_wishes(want), roles)
    own, values = without_closed(own, hidden, head)
    plan = Plan(own)
    readers, sources, parts = readers_of(hidden, head, roles, plan.roles)
    spec = Spec(readers, plan.sums)
    tensors = [*sources, targets, *parts, *plan.given]
    products = product_dtype(hidden, head.weight)
    name = choose(backend, hidden, head, products)
    wants_weight = torch.is_grad_enabled() and any(
        t.requires_grad and axis == "column" for t, axis in zip(tensors[len(sources) :], spec.axes)
    )
    wants_weight |= torch.is_grad_enabled() and head.weight.requires_grad
    how = way(
        len(hidden),
        head.size,
        products=products,
        device=hidden.device,
        block=block,
        schedule=schedule,
        compiled=compiled,
        whole_rows=spec.whole_rows,
        to_weight=wants_weight,
    )
    shifts, states = _run(name, spec, how, tensors)
    values |= plan.finish(spec.by_name(shifts), states, plan.rows)
    for role, wishes in others.items():
        values |= _alone(role, roles[role], targets, wishes, head.size, backend, block)
    return Stats({k: values[k] for k in as_wishes(want) if k in values} | values, name, 1)


def from_logits(
    logits: Float[Tensor, "N V"],
    targets: Int[Tensor, "N"],
    want: Want,
    *,
    roles: Mapping[str, Tensor] | None = None,
) -> Stats:
    """The same statistics where logits (or log-probabilities) are already there.

    Args:
        logits: `[N, V]`; −∞ for words that cannot come.
        targets: the token that came next, `[N]`.
        want: names of statistics, or wishes by name.
        roles: logits `[N, V]` of second readers by name.

    Returns:
        One row a token for each statistic.

    Raises:
        UnknownName: no statistic has this name.
        NotMeasured: a statistic needs a role that is not given.
        ShapeError: logits and targets do not fit, or a target is no word.

    Example:
        >>> import torch
        >>> from_logits(torch.zeros(1, 4), torch.tensor([2]), {"entropy"})["entropy"].exp()
        tensor([4.])
    """
    _check_targets(len(logits), logits.shape[1], targets)
    roles = roles or {}
    own, others = by_role(as_wishes(want), roles)
    plan = Plan(own)
    for role in plan.roles:
        if role not in roles:
            remedy = f"Give it: from_logits(..., roles={{{role!r}: its logits}})."
            raise NotMeasured(role, list(roles), remedy)
    names = (SELF, *plan.roles)
    spec = Spec(tuple(Reader(name, "product", Form()) for name in names), plan.sums)
    given = [logits, *(roles[name] for name in plan.roles)]
    shifts, states = spec.evaluate(given, [targets, *plan.given], 0)
    values = plan.finish(spec.by_name(shifts), states, plan.rows)
    for role, wishes in others.items():
        with torch.no_grad():
            second = from_logits(roles[role], targets, wishes)
        values |= {f"{role}_{k}": v for k, v in second.items()}
    return Stats(values, "reference", 1)


def _run(name: str, spec: Spec, how: Way, tensors: list[Tensor]) -> tuple[list[Tensor], list[State]]:
    if not spec.sums:
        return [t.new_zeros(len(t)) for t in tensors[:1]] * len(spec.readers), []
    if name == "reference":
        return _reference.run(spec, how, tensors)
    found = _operators.sweep(tensors, _operators.key_of(spec, how))
    readers = len(spec.readers)
    states, at = [], readers
    for one in spec.sums:
        states.append(tuple(found[at : at + one.width]))
        at += one.width
    return found[:readers], states


def _alone(
    role: str,
    given: Role,
    targets: Tensor,
    wishes: Mapping[str, Statistic],
    size: int,
    backend: Backend,
    block: int | None,
) -> dict[str, Any]:
    """What a second reader says by itself."""
    with torch.no_grad():
        if isinstance(given, TopLogits):
            z = given.logits.new_full((len(given.ids), size), -torch.inf)
            second = from_logits(z.scatter(1, given.ids, given.logits), targets, wishes)
        else:
            second = scan(*given, targets, wishes, backend=backend, block=block)
    return {f"{role}_{k}": v for k, v in second.items()}


def product_dtype(hidden: Tensor, weight: Tensor) -> torch.dtype:
    """The dtype that plain torch would take the product in.

    Args:
        hidden: states.
        weight: of the head.

    Returns:
        That of autocast where it is on, else the wider of the two.
    """
    kind = hidden.device.type
    if torch.is_autocast_enabled(kind):
        return torch.get_autocast_dtype(kind)
    return torch.promote_types(hidden.dtype, weight.dtype)


def choose(backend: str, hidden: Tensor, head: Head, products: torch.dtype) -> str:
    """The backend that `auto` means.

    Args:
        backend: what was asked for.
        hidden: states.
        head: their head.
        products: the dtype of the products in plain torch.

    Returns:
        `reference` or `chunked`.
    """
    if backend != "auto":
        return backend
    small = 4 * len(hidden) * head.size <= HOLD_BYTES
    return "reference" if small and not emulated(products, hidden.device) else "chunked"


def by_role(
    wishes: Mapping[str, Statistic], roles: Mapping[str, object]
) -> tuple[dict[str, Statistic], dict[str, dict[str, Statistic]]]:
    """Wishes about the model, and those about second readers alone.

    Args:
        wishes: by the name they shall have.
        roles: second readers by name.

    Returns:
        The model's wishes, and the bare wishes of each role. A statistic's own name goes first.
    """
    own: dict[str, Statistic] = {}
    others: dict[str, dict[str, Statistic]] = {}
    known = catalogue("vocab.statistics")
    for name, wish in wishes.items():
        role = next((r for r in roles if wish.name.startswith(f"{r}_")), None)
        if role is None or wish.name in known:
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
    if hidden.shape[1] != head.weight.shape[-1]:
        raise ShapeError(
            f"scan: hidden states are {hidden.shape[1]} wide and the head reads "
            f"{head.weight.shape[-1]}: they do not belong together."
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
