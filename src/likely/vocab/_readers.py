"""Heads and stored logits as the readers and tensors of a sweep."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from likely.core.errors import NotMeasured, ShapeError
from likely.core.head import Form, Head
from likely.core.top_logits import TopLogits
from likely.vocab._spec import SELF, Reader

Role = tuple[Tensor, Head] | TopLogits
"""A second reader: its states `[N, D']` and head, or what was stored of its logits."""


def readers_of(
    hidden: Tensor, head: Head, roles: Mapping[str, Role], wanted: Sequence[str]
) -> tuple[tuple[Reader, ...], list[Tensor], list[Tensor]]:
    """The model and the roles that are measured together with it.

    Args:
        hidden: the model's states, `[N, D]`.
        head: its head.
        roles: second readers by name.
        wanted: the names that statistics ask for.

    Returns:
        Readers, tensors of their sources, and small tensors that shape their logits.

    Raises:
        NotMeasured: a statistic asks for a role that was not given.
        ShapeError: a role has another number of rows.
    """
    readers, sources, small = [], [], []
    for name in (SELF, *wanted):
        if name != SELF and name not in roles:
            remedy = f"Give it: scan(..., roles={{{name!r}: (its states, its head)}})."
            raise NotMeasured(name, list(roles), remedy)
        given = (hidden, head) if name == SELF else roles[name]
        if isinstance(given, TopLogits):
            _same_rows(name, len(hidden), len(given.ids))
            readers.append(Reader(name, "stored", Form()))
            sources += [given.ids, given.logits]
            continue
        states, own = given if name == SELF else (given[0], _aligned(given[1], head.size))
        _same_rows(name, len(hidden), len(states))
        parts = own.parts(states)
        table = own.sequence is not None
        names = tuple((part, axis) for part, axis, _ in parts)
        readers.append(Reader(name, "product", own.form, names, table))
        sources += [states, own.weight, *([own.sequence] if own.sequence is not None else [])]
        small += [value for _, _, value in parts]
    return tuple(readers), sources, small


def at(role: Role, places: Tensor) -> Role:
    """A second reader's rows at some positions.

    Args:
        role: the reader.
        places: which positions.

    Returns:
        The same for these only.
    """
    if isinstance(role, TopLogits):
        return role.at(places)
    states, head = role
    return states[places], head.at(places)


def whole_rows(roles: Mapping[str, Role], size: int) -> dict[str, Tensor]:
    """Second readers as logits of the whole vocabulary, for a model that has nothing else.

    Args:
        roles: the readers.
        size: V.

    Returns:
        `[N, V]` a role; −∞ for words that were not stored.
    """
    found = {}
    for name, role in roles.items():
        if isinstance(role, TopLogits):
            nothing = role.logits.new_full((len(role.ids), size), -torch.inf)
            found[name] = nothing.scatter(1, role.ids, role.logits)
        else:
            states, head = role
            found[name] = _aligned(head, size).logits(states)
    return found


def _same_rows(name: str, expected: int, found: int) -> None:
    if found != expected:
        raise ShapeError(
            f"scan: the role {name!r} has {found} rows and the model {expected}; they must read "
            "the same tokens."
        )


def _aligned(head: Head, size: int) -> Head:
    """A head of as many words as the model's: longer ones are cut, shorter ones padded."""
    if head.size == size:
        return head
    if head.size > size:
        return replace(
            head,
            weight=head.weight[..., :size, :],
            bias=None if head.bias is None else head.bias[:size],
            exclude=None if head.exclude is None else head.exclude[:size],
        )
    more = size - head.size
    there = (
        head.weight.new_zeros(head.size, dtype=torch.bool) if head.exclude is None else head.exclude
    )
    return replace(
        head,
        weight=pad(head.weight, (0, 0, 0, more)),
        bias=None if head.bias is None else pad(head.bias, (0, more)),
        exclude=pad(there, (0, more), value=True),
    )
