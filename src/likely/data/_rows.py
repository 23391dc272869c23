"""From what every position reads to a batch."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from likely.core.batch import Batch
from likely.core.errors import BadInput
from likely.data.tokens import Tokens


def not_empty(where: str, tokens: Tokens) -> None:
    """Refuse tokens without a document.

    Args:
        where: who asks.
        tokens: what is to be read.

    Raises:
        BadInput: no tokens.
    """
    if not len(tokens):
        raise BadInput(f"{where}: there are no documents to read; give at least one.")


def build(
    tokens: Tokens,
    document: NDArray[np.int64],
    source: NDArray[np.int64],
    fresh: NDArray[np.bool_],
    *,
    rows: int,
    scored: NDArray[np.bool_] | None = None,
) -> Batch:
    """A batch from what every position reads.

    Args:
        tokens: the documents.
        document: number of the document at each position, −1 for padding.
        source: place of the target among all ids.
        fresh: True where a segment starts; every row does.
        rows: how many equal rows the positions make.
        scored: where the weight is 1; None for everywhere but in the padding.

    Returns:
        The batch.
    """
    inside = document >= 0
    starts = np.flatnonzero(fresh)
    position = np.arange(len(fresh)) - np.repeat(starts, np.diff(starts, append=len(fresh)))
    before = tokens.ids[np.maximum(source - 1, 0)]
    ids = np.where(source == tokens.offsets[document], tokens.vocabulary.bos, before)
    return Batch(
        ids=torch.from_numpy(np.where(inside, ids, 0).astype(np.int64)),
        target=torch.from_numpy(np.where(inside, tokens.ids[source], 0).astype(np.int64)),
        segment=torch.from_numpy(np.where(inside, np.cumsum(fresh & inside) - 1, -1)),
        position=torch.from_numpy(np.where(inside, position, 0)),
        weight=torch.from_numpy((inside if scored is None else scored).astype(np.float32)),
        document=torch.from_numpy(document),
        rows=rows,
        columns={n: _column(c[source], inside) for n, c in tokens.columns.items()},
    )


def _column(values: NDArray[Any], inside: NDArray[np.bool_]) -> torch.Tensor:
    """A column at every position; 0 in the padding."""
    there = inside.reshape(-1, *[1] * (values.ndim - 1))
    return widened(np.where(there, values, np.zeros((), values.dtype)))


def widened(values: NDArray[Any]) -> torch.Tensor:
    """A column as entries read it: types that only save room on disk and in memory are widened.

    Args:
        values: one entry a position.

    Returns:
        float32 for float16, int64 for int32, else as it is.
    """
    wide = {"float16": np.float32, "int32": np.int64}.get(values.dtype.name)
    return torch.from_numpy(values if wide is None else values.astype(wide))
