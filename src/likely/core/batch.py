"""The flat batch: every position in order, whatever the model."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from likely.core.errors import NotMeasured, ShapeError


@dataclass(frozen=True, eq=False)
class Batch:
    """Tokens in reading order; row n is the context up to `ids[n]` and predicts `target[n]`.

    `rows` equal rows of `N / rows` positions lie end to end. A row may hold several segments:
    a segment is what a model may look back over, and no target crosses one.

    Args:
        ids: the token read, `[N]`.
        target: the token that came next, `[N]`; 0 where `weight` is 0 and there is none.
        segment: which segment a position belongs to, `[N]`: 0, 1, … in order; −1 is padding.
        position: place within its segment, `[N]`, from 0.
        weight: how much a position counts, `[N]`; the scan skips rows of weight 0.
        document: number of the document it comes from, `[N]`; −1 for padding.
        rows: how many equal rows the positions make.
        pair: segments that are compared, `[P, 2]`: chosen, rejected.
        columns: what loaders add by name (`reference_log_prob`, scores …), one entry a token.

    Raises:
        ShapeError: fields that differ in length, or a length that `rows` does not divide.
    """

    ids: Int[Tensor, "N"]
    target: Int[Tensor, "N"]
    segment: Int[Tensor, "N"]
    position: Int[Tensor, "N"]
    weight: Float[Tensor, "N"]
    document: Int[Tensor, "N"]
    rows: int = 1
    pair: Int[Tensor, "P 2"] | None = None
    columns: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {f: len(getattr(self, f)) for f in PER_TOKEN}
        lengths |= {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ShapeError(f"Batch: every field needs one entry a token; given {lengths}.")
        if self.rows < 1 or len(self.ids) % self.rows:
            raise ShapeError(
                f"Batch: {len(self.ids)} positions cannot make {self.rows} equal rows."
            )

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, name: str) -> Tensor:
        """A field or a column by its name.

        Args:
            name: `segment`, `reference_log_prob` …

        Returns:
            The tensor.

        Raises:
            NotMeasured: the batch has no such field.
        """
        if name not in self:
            remedy = f"A batch holds what its loader gave: add columns={{{name!r}: tensor}} to it."
            raise NotMeasured(name, self.names, remedy)
        value: Tensor = self.columns[name] if name in self.columns else getattr(self, name)
        return value

    def __contains__(self, name: object) -> bool:
        return name in self.names

    @property
    def names(self) -> tuple[str, ...]:
        """Everything `batch[name]` can answer."""
        pair = () if self.pair is None else ("pair",)
        return (*PER_TOKEN, *pair, *self.columns)

    @property
    def segments(self) -> int:
        """S: how many segments there are."""
        return int(self.segment.max()) + 1 if len(self.segment) else 0

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on a device.

        Args:
            device: where to.

        Returns:
            A batch; this one stays.
        """
        moved = {
            f.name: getattr(self, f.name).to(device)
            for f in fields(self)
            if isinstance(getattr(self, f.name), Tensor)
        }
        return replace(self, **moved, columns={k: v.to(device) for k, v in self.columns.items()})

    @classmethod
    def of(cls, ids: Int[Tensor, "S T"], target: Int[Tensor, "S T"]) -> "Batch":
        """Rows of equal length, one segment a row, every position scored.

        Args:
            ids: tokens read, `[S, T]`.
            target: tokens that came next, `[S, T]`.

        Returns:
            The batch, with documents numbered as rows.
        """
        rows, length = ids.shape
        row = torch.arange(rows, device=ids.device).repeat_interleave(length)
        return cls(
            ids=ids.reshape(-1),
            target=target.reshape(-1),
            segment=row,
            position=torch.arange(length, device=ids.device).repeat(rows),
            weight=torch.ones(rows * length, device=ids.device),
            document=row,
            rows=max(rows, 1),
        )


PER_TOKEN = ("ids", "target", "segment", "position", "weight", "document")
LOADED = {
    "step": "which step of an answer the target belongs to, −1 for none",
    "label": "1 where the target's segment is wanted, 0 where it is not",
    "segment_score": "the score of the passage that the target belongs to",
}
"""Columns with a meaning of their own, one entry a token, which a loader adds where it can."""
