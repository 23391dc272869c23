"""Parquet and Arrow files as documents, one a row."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import BytesIO
from typing import Any

from likely.core.errors import BadInput, LikelyError, first_line
from likely.data._bytes import Bytes, Place
from likely.data._reading import Reading, needs
from likely.data._suffixes import TABLES
from likely.data.corpus import Document


def table(file: Bytes, place: Place, reading: Reading) -> Iterator[Document]:
    """One document a row.

    Args:
        file: what is read.
        place: the file, for ids and messages.
        reading: names the column, and takes what cannot be read.

    Yields:
        Documents.

    Raises:
        BadInput: a file of another format or cut off, no such column, a row without text.
        Unsupported: pyarrow is not installed.
    """
    check = partial(reading.check_column, where=place.path, kind="column")
    yield from reading.documents(entries(file, place, reading, check), place.name)


def entries(
    file: Bytes,
    place: Place,
    reading: Reading,
    check: Callable[[list[str]], None] | None = None,
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """One row after the other, whatever the columns.

    Args:
        file: what is read.
        place: the file, for messages.
        reading: takes rows that cannot be read.
        check: raises where the columns are not those that are wanted.

    Yields:
        File and row for messages, the number of the row, and its values by column.

    Raises:
        BadInput: a file of another format or cut off, a row that is no UTF-8.
        Unsupported: pyarrow is not installed.
    """
    kind, number = TABLES[place.suffix], 0
    source = BytesIO(file.read()) if place.packing else file
    try:
        columns, batches = _parquet(source) if kind == "Parquet" else _arrow(source)
        if check:
            check(columns)
        for batch in batches:
            for row in _rows(batch):
                number += 1
                where = f"{place.path}, row {number}"
                if isinstance(row, UnicodeDecodeError):
                    reading.refuse(_no_utf8(row, where))
                else:
                    yield where, number, row
    except ImportError as problem:
        raise needs("pyarrow", place.suffix) from problem
    except LikelyError:
        raise
    except Exception as problem:  # damaged files fail in many ways, with MemoryError too
        where = f", after row {number}" if number else ""
        raise BadInput(
            f"{place.path}{where}: this is no valid {kind} file, or a part of it is missing "
            f"({first_line(problem)}); fetch it again, or give it the suffix of what it is."
        ) from problem


def _parquet(file: Bytes) -> tuple[list[str], Iterable[Any]]:
    from pyarrow import parquet

    opened = parquet.ParquetFile(file)
    return list(opened.schema_arrow.names), opened.iter_batches(batch_size=4096)


def _arrow(file: Bytes) -> tuple[list[str], Iterable[Any]]:
    """The file format, or the stream that `datasets` writes."""
    from pyarrow import ipc

    sign = file.read(6)
    file.seek(0)
    if sign == b"ARROW1":
        opened = ipc.open_file(file)
        batches = (opened.get_batch(place) for place in range(opened.num_record_batches))
        return list(opened.schema.names), batches
    stream = ipc.open_stream(file)
    return list(stream.schema.names), stream


def _rows(batch: Any) -> Iterator[dict[str, Any] | UnicodeDecodeError]:
    """Rows as plain values; the problem in place of one that is no UTF-8."""
    from pyarrow import ArrowInvalid

    try:
        batch.validate(full=True)  # else lengths in a damaged file lead out of its memory
    except ArrowInvalid as problem:
        if "UTF8" not in str(problem):
            raise
    try:
        yield from batch.to_pylist()
        return
    except UnicodeDecodeError:
        pass
    for place in range(batch.num_rows):
        try:
            yield {name: batch.column(name)[place].as_py() for name in batch.schema.names}
        except UnicodeDecodeError as problem:
            yield problem


def _no_utf8(problem: UnicodeDecodeError, where: str) -> BadInput:
    return BadInput(
        f"{where}: byte {problem.start} of a text is not valid UTF-8; write the file again with "
        "valid text."
    )
