"""What the processes of a group tell each other before a sweep: sizes, and that they agree."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
import torch.distributed as dist
from torch import Tensor

from likely.core.errors import ShapeError, Unsupported
from likely.core.stats import Statistic
from likely.vocab._ranks import Across, Group, Ranks, gather, processes
from likely.vocab._shards import Held, fingerprint
from likely.vocab._spec import SELF

HEADER = (
    "the number of tokens",
    "the width of the states",
    "the dtype of the states",
    "the dtype of the head",
    "whether gradients are wanted",
    "the statistics that are wanted",
    "the targets",
    "the second readers",
)
HEADS = 8
"""So many heads are told of at least: the message has one length on every process."""


def meet(
    group: Group,
    hidden: Tensor,
    targets: Tensor,
    wishes: Mapping[str, Statistic],
    heads: Mapping[str, Held],
) -> tuple[Ranks, dict[str, Held], dict[str, tuple[int, ...]]]:
    """One all-gather of a few whole numbers.

    Args:
        group: the processes.
        hidden: of the model.
        targets: `[N]`.
        wishes: what is wanted.
        heads: by reader; the model's is `SELF`.

    Returns:
        Who holds which words of the model, the heads with their first words, and how many words
        of each reader every process holds.

    Raises:
        ShapeError: the processes were given different things, the words have gaps, or every one
            was given the same weight.
    """
    lies = processes(group)
    names = sorted(heads)
    said = _header(hidden, targets, wishes, heads)
    for name in names:
        one = heads[name]
        said += [one.first, one.size, *fingerprint(one.head.weight)]
    if isinstance(group, Across) and group.start is not None:
        said[len(HEADER)] = group.start  # `SELF` sorts first.
    said += [0] * (len(HEADER) + 5 * HEADS - len(said))
    found = [t.tolist() for t in gather(lies, torch.tensor(said, device=hidden.device))]
    for i, what in enumerate(HEADER):
        _agree(what, i, [each[i] for each in found])
    every, sizes = {}, {}
    for place, name in enumerate(names):
        at = len(HEADER) + 5 * place
        told = [each[at : at + 5] for each in found]
        sizes[name] = tuple(each[1] for each in told)
        same = len(told) > 1 and len({tuple(each[1:]) for each in told}) == 1
        every[name] = _placed(name, told, same, sizes, dist.get_rank(lies), heads[name])
    starts = tuple(first for first, _ in every[SELF][1])
    ranks = Ranks(lies, dist.get_rank(lies), starts, sizes[SELF])
    _check_tiles(ranks)
    return ranks, {name: one for name, (one, _) in every.items()}, sizes


def _header(
    hidden: Tensor, targets: Tensor, wishes: Mapping[str, Statistic], heads: Mapping[str, Held]
) -> list[int]:
    asked = sorted((key, wish.name, *sorted(wish.settings)) for key, wish in wishes.items())
    place = torch.arange(1, len(targets) + 1, device=targets.device)
    grads = [hidden.requires_grad, *(t.requires_grad for t in heads[SELF].shared().values())]
    bits = [torch.is_grad_enabled() and grad for grad in grads]
    return [
        len(hidden),
        hidden.shape[1],
        _code(str(hidden.dtype)),
        _code(str(heads[SELF].head.weight.dtype)),
        sum(bit << i for i, bit in enumerate(bits)),
        _code(repr(asked)),
        int((targets.long() * place).sum()),
        _code(repr(sorted(heads))),
    ]


def _code(text: str) -> int:
    return zlib.crc32(text.encode())


def _agree(what: str, place: int, values: Sequence[int]) -> None:
    other = next((r for r, value in enumerate(values) if value != values[0]), None)
    if other is None:
        return
    numbers = f": {values[0]} on rank 0, {values[other]} on rank {other}" if place < 2 else (
        f" on ranks 0 and {other}"
    )  # fmt: skip
    raise ShapeError(
        f"scan: the processes of group= differ in {what}{numbers}. Each of them must be given the "
        "same tokens and ask for the same; only the head lies in parts."
    )


def _placed(
    name: str,
    told: Sequence[Sequence[int]],
    same: bool,
    sizes: Mapping[str, tuple[int, ...]],
    rank: int,
    one: Held,
) -> tuple[Held, list[tuple[int, int]]]:
    """A head that knows its first word, and first words and sizes of every process."""
    own = [each[1] for each in told]
    if min(each[0] for each in told) >= 0:
        return replace(one, first=told[rank][0]), [(each[0], each[1]) for each in told]
    telling = any(told[0][2:])
    if name == SELF and same and telling:
        raise ShapeError(
            f"scan: with group=, every process was given the same weight, {own[0]} words. Give "
            "each the rows of its own words, or a DTensor; or leave group out."
        )
    if name != SELF and same and (telling or sizes[name] != sizes[SELF]):
        return replace(one, first=0, whole=True), [(0, own[0])] * len(own)
    starts = [sum(own[:r]) for r in range(len(own))]
    return replace(one, first=starts[rank]), list(zip(starts, own, strict=True))


def _check_tiles(ranks: Ranks) -> None:
    expected = 0
    for r in ranks.order:
        if ranks.sizes[r] and ranks.starts[r] != expected:
            raise ShapeError(
                f"scan: rank {r} of the group holds words {ranks.starts[r]} to "
                f"{ranks.starts[r] + ranks.sizes[r] - 1}, and word {expected} should come next: "
                "the parts of a vocabulary have no gaps and do not overlap."
            )
        expected += ranks.sizes[r]
    if not ranks.total:
        raise ShapeError("scan: no process of group= holds any word.")


def check_excluded(ranks: Ranks, targets: Tensor, exclude: Tensor | None) -> None:
    """No target is a word that the head excludes, on whatever process it lies.

    Args:
        ranks: who holds which words.
        targets: `[N]`.
        exclude: of the words here; None where the head excludes none.

    Raises:
        ShapeError: one is.
    """
    if exclude is None or not len(targets):
        return
    place = targets - ranks.start
    inside = (place >= 0) & (place < ranks.own)
    gone = inside & exclude[place.clamp(0, len(exclude) - 1)]
    row = torch.arange(len(targets), device=targets.device).masked_fill(~gone, -1).max()
    (found,) = ranks.reduce([row], dist.ReduceOp.MAX, torch.int64)
    if int(found) >= 0:
        raise ShapeError(
            f"scan: the target of row {int(found)} is word {int(targets[found])}, which the head "
            "excludes. Give that row weight 0, or do not exclude the word."
        )


def gathered_weight(name: str, one: Held, parts: Sequence[int], ranks: Ranks) -> Held:
    """A second reader's head of which every process needs words that another one holds.

    Args:
        name: of the reader.
        one: its head.
        parts: how many words of it each process holds.
        ranks: the processes.

    Returns:
        The whole head.

    Raises:
        Unsupported: it wants a gradient.
    """
    wanted = [one.head.weight, *one.columns.values()]
    if torch.is_grad_enabled() and any(t.requires_grad for t in wanted):
        raise Unsupported(
            f"scan: the words of the second reader {name!r} lie on other processes than the "
            "model's, and its head wants a gradient. Lay both out alike, or detach the head."
        )
    starts = tuple(sum(parts[:r]) for r in range(len(parts)))
    lies = Ranks(ranks.group, ranks.rank, starts, tuple(parts))
    weight = lies.words(one.head.weight.detach(), -2)
    columns = {k: v if k in one.full else lies.words(v.detach()) for k, v in one.columns.items()}
    head = replace(one.head, weight=weight)
    return Held(head, columns, first=0, whole=True)
