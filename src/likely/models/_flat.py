"""From the fields that `transformers` gives a model to the flat batch that objectives read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from likely.core.batch import Batch
from likely.core.errors import ShapeError


@dataclass(eq=False)
class Given:
    """What a call of the model said that its loss depends on.

    Args:
        labels: as given, `[S, T]`.
        shift_labels: targets already moved by one, or None.
        input_ids: the tokens read, or None where embeddings were given.
        attention_mask: 1 where there is a token, or None.
        position_ids: places of the tokens, or None.
        num_items_in_batch: what the sum is divided by, or None for the weights' own sum.
        ignore_index: the label that is no target.
        columns: what the objective reads besides, `[S, T]` or `[S, T, K]` each, and `pair`
            `[P, 2]`.
    """

    labels: Tensor
    shift_labels: Tensor | None = None
    input_ids: Tensor | None = None
    attention_mask: Any = None
    position_ids: Any = None
    num_items_in_batch: Any = None
    ignore_index: int = -100
    columns: Mapping[str, Tensor] = field(default_factory=dict)


def flat_batch(given: Given, rows: int, length: int, device: torch.device) -> Batch:
    """Every position in order, with its target and its place.

    Labels alone decide what counts, as in `transformers`. A segment begins where positions do not
    go on by one, and after padding.

    Args:
        given: the fields.
        rows: of the states that reached the head.
        length: positions of a row of these states.
        device: where the states are.

    Returns:
        The batch; `document` is `segment`.

    Raises:
        ShapeError: labels or columns do not have a place for every state.
    """
    target = _targets(given, rows, length).to(device)
    counts = target != given.ignore_index
    live, first = _where(given, rows, length, device)
    at = torch.arange(rows * length, device=device)
    begun = torch.where(first, at, 0).cummax(0).values
    number = first.cumsum(0) - 1
    segment = torch.where(live, number, -1)
    if given.input_ids is None:
        ids = torch.zeros_like(target)
    else:
        ids = given.input_ids.reshape(-1).to(device)
    columns = {name: _column(name, value, len(at)) for name, value in given.columns.items()}
    pair = columns.pop("pair", None)
    return Batch(
        ids=ids,
        target=torch.where(counts, target, 0),
        segment=segment,
        position=torch.where(live, at - begun, 0),
        weight=counts.to(torch.float32),
        document=segment,
        rows=rows,
        pair=pair,
        columns=columns,
    )


def _targets(given: Given, rows: int, length: int) -> Int[Tensor, "N"]:
    labels = given.labels if given.shift_labels is None else given.shift_labels
    if labels.numel() != rows * length:
        raise ShapeError(
            f"The head was given {rows} × {length} states and {list(labels.shape)} labels: each "
            "state needs one. Leave out logits_to_keep, and give labels for every input."
        )
    labels = labels.view(rows, length)
    if given.shift_labels is None:
        labels = torch.nn.functional.pad(labels, (0, 1), value=given.ignore_index)[:, 1:]
    return labels.reshape(-1)


def _where(
    given: Given, rows: int, length: int, device: torch.device
) -> tuple[Bool[Tensor, "N"], Bool[Tensor, "N"]]:
    """Which positions hold a token, and which of them begin a segment."""
    live = torch.ones(rows, length, dtype=torch.bool, device=device)
    mask, position = given.attention_mask, given.position_ids
    if isinstance(mask, Tensor) and mask.shape == live.shape:
        live = mask.to(device) != 0
    first = torch.ones_like(live)
    first[:, 1:] = ~live[:, :-1]
    if isinstance(position, Tensor) and position.dim() == 2 and position.shape[1] == length:
        place = position.to(device).expand(rows, length)
        first[:, 1:] |= place[:, 1:] != place[:, :-1] + 1
    return live.reshape(-1), (live & first).reshape(-1)


def _column(name: str, value: Tensor, count: int) -> Tensor:
    if name == "pair":
        return value
    wide = value.dim() == 3
    entries = value.shape[0] * value.shape[1] if wide else value.numel()
    if entries != count:
        raise ShapeError(
            f"The column {name!r} has {entries} entries, and the batch {count} positions: "
            "give one a position, where entry t belongs to the token that comes after t."
        )
    return value.flatten(0, 1) if wide else value.reshape(-1)
