"""Shards of a sidecar: Parquet files that are there as a whole or not at all."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likely.core.disk import whole_file
from likely.core.errors import BadInput, first_line
from likely.data._reading import needs

Column = NDArray[Any]
DOCUMENT, DIGEST = "document", "digest"
"""Columns that say which text a row belongs to: its name, and a hash of its tokens."""


def arrow() -> Any:
    """The library that reads and writes Parquet.

    Raises:
        Unsupported: it is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet  # noqa: F401  (pyarrow.parquet is there from now on)
    except ImportError as problem:
        raise needs("pyarrow", "a sidecar") from problem
    return pyarrow


def path_of(folder: Path, number: int) -> Path:
    """Where a shard lies.

    Args:
        folder: of the sidecar.
        number: of the shard.

    Returns:
        Its path.
    """
    return folder / f"part-{number:05d}.parquet"


def digests(ids: NDArray[np.int32], offsets: NDArray[np.int64]) -> list[str]:
    """A short hash of the tokens of each document.

    Args:
        ids: tokens of all documents.
        offsets: where documents start, and the end.

    Returns:
        One hash a document.
    """
    data = np.ascontiguousarray(ids, "<i4")
    spans = pairwise(offsets)
    return [hashlib.sha256(data[begin:end].tobytes()).hexdigest()[:16] for begin, end in spans]


def write(
    path: Path,
    names: Sequence[str],
    hashes: Sequence[str],
    offsets: NDArray[np.int64],
    columns: Mapping[str, Column],
) -> None:
    """Write one shard, a row a document and a list a column.

    Args:
        path: the name it shall have.
        names: of the documents.
        hashes: of their tokens.
        offsets: where their entries start, and the end.
        columns: one entry a token, `[n]` or `[n, K]`.
    """
    pyarrow = arrow()
    made: dict[str, Any] = {DOCUMENT: list(names), DIGEST: list(hashes)}
    for name, values in columns.items():
        flat = pyarrow.array(np.ascontiguousarray(values).reshape(-1))
        if values.ndim == 2:
            flat = pyarrow.FixedSizeListArray.from_arrays(flat, values.shape[1])
        made[name] = pyarrow.LargeListArray.from_arrays(pyarrow.array(offsets), flat)
    with whole_file(path) as part:
        pyarrow.parquet.write_table(pyarrow.table(made), part, compression="zstd")


def rows(path: Path, columns: Mapping[str, int]) -> Iterator[tuple[str, str, dict[str, Column]]]:
    """Rows of a shard.

    Args:
        path: where it lies.
        columns: what to read of each row: its name, and how many entries a token has (0 for one
            that is no list).

    Yields:
        The document's name, the hash of its tokens, and its entries by column.

    Raises:
        BadInput: it is damaged.
    """
    pyarrow = arrow()
    try:
        table = pyarrow.parquet.read_table(path, columns=[DOCUMENT, DIGEST, *columns])
        table = table.combine_chunks()
        lists: dict[str, tuple[Column, Column]] = {}
        for name, width in columns.items():
            found = table.column(name).chunk(0)
            values = found.values.flatten() if width else found.values
            shape = (-1, width) if width else (-1,)
            lists[name] = np.asarray(found.offsets), values.to_numpy(False).reshape(shape)
        names, hashes = (table.column(n).to_pylist() for n in (DOCUMENT, DIGEST))
    except Exception as problem:  # the library raises many kinds for damaged files
        raise BadInput(
            f"{path}: this shard of a sidecar cannot be read ({first_line(problem)}); remove the "
            "file and measure again, which makes only what is missing."
        ) from problem
    for row, (name, digest) in enumerate(zip(names, hashes, strict=True)):
        yield name, digest, {n: v[o[row] : o[row + 1]] for n, (o, v) in lists.items()}
