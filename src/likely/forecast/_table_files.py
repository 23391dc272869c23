"""Files of rows as they are: names, cells, and the line that each row stands on."""

import csv
import gzip
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from likely.core.errors import BadInput, Unsupported, first_line
from likely.forecast._numbers import column, is_missing, number
from likely.forecast._raw import Raw, from_objects

SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet")
"""What is read, also with `.gz` behind it where it is text."""


def read_file(path: Path) -> Raw:
    """Read one file.

    Args:
        path: CSV or TSV (also `.txt`), JSONL, JSON or Parquet.

    Returns:
        Its rows.

    Raises:
        BadInput: it cannot be read as such a file.
    """
    kind = path.name.removesuffix(".gz").rpartition(".")[2].casefold()
    if f".{kind}" not in SUFFIXES:
        raise BadInput(
            f"{path} is no table that can be read: give {', '.join(SUFFIXES)}, or a run folder."
        )
    try:
        if kind == "parquet":
            return _parquet(path)
        packed = path.read_bytes()
        data = gzip.decompress(packed) if path.suffix == ".gz" else packed
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as problem:
        raise BadInput(
            f"{path} is no text in UTF-8 (at byte {problem.start}): save it as UTF-8."
        ) from None
    except OSError as problem:
        raise BadInput(f"{path} cannot be read: {first_line(problem)}.") from problem
    if not text.strip():
        raise BadInput(f"{path} is empty.")
    return _json(path, text, kind) if kind in ("jsonl", "ndjson", "json") else _csv(path, text)


def _csv(path: Path, text: str) -> Raw:
    # Some spreadsheets name the separator in a line of its own.
    text = re.sub(r"\Asep=.(?=\r?\n)", "", text)
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[str] = []
    bad: dict[str, list[str]] = {}
    line, begin = 1, 1
    try:
        for cells in reader:
            line, begin = begin, reader.line_num + 1
            if not any(cells):
                continue
            if not header:
                header = cells
                continue
            if len(cells) != len(header) and any(
                cells[len(header) :] or [len(cells) < len(header)]
            ):
                count = f"{len(cells)} value{'s' * (len(cells) != 1)}"
                reason = f"{count} where the header names {len(header)} columns"
                bad.setdefault(reason, []).append(f"{path.name}, line {line}")
                continue
            rows.append(cells[: len(header)])
            lines.append(f"{path.name}, line {line}")
    except csv.Error as problem:
        raise BadInput(f"{path}, line {begin}: {first_line(problem)}.") from problem
    if text.count('"') % 2 and line < text.rstrip().count("\n") + 1:
        raise BadInput(
            f"{path}, line {line}: a quotation mark is opened and never closed, so that everything "
            "below would be one value: close it or take it away."
        )
    _check_header(path, header, rows)
    names, notes = _names(header)
    cells_of = zip(*rows, strict=True) if rows else ([] for _ in names)
    comma = separator == ";"
    columns = {name: column(c, comma=comma) for name, c in zip(names, cells_of, strict=True)}
    return Raw(columns, tuple(lines), notes, bad)


def _check_header(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    words = len(header[0].split()) if len(header) == 1 else 1
    if words > 1 and rows and all(len(row[0].split()) == words for row in rows):
        raise BadInput(
            f"{path}: its header {header[0]!r} is one column: separate columns by a comma, a "
            "semicolon or a tab."
        )
    if len(header) > 1 and all(is_missing(cell) or number(cell) == number(cell) for cell in header):
        raise BadInput(
            f"{path}: its first line holds numbers ({', '.join(header[:4])}) and no names: write a "
            "header above it, such as params,tokens,loss."
        )


def _separator(text: str) -> str:
    """Whatever of comma, semicolon, tab and bar the header has most of, outside quotes."""
    first = next(line for line in text.splitlines() if line.strip())
    outside = "".join(first.split('"')[::2])
    return max(",;\t|", key=outside.count)


def _names(header: Sequence[str]) -> tuple[list[str], list[str]]:
    """A name for every column, each once."""
    names: list[str] = []
    notes: list[str] = []
    for place, given in enumerate(header, 1):
        name = given.strip() or f"column {place}"
        times = sum(one == name or one.startswith(f"{name} (again") for one in names)
        if times:
            first, name = name, f"{name} (again{'' if times == 1 else f' {times}'})"
            notes.append(f"There are several columns {first!r}; a later one is {name!r} here.")
        names.append(name)
    return names, notes


def _json(path: Path, text: str, kind: str) -> Raw:
    """Objects one a line; or one document: a list of objects, or an object of lists."""
    if kind == "json":
        try:
            whole = json.loads(text)
        except json.JSONDecodeError:  # Many call JSONL so.
            return _json(path, text, "jsonl")
        if isinstance(whole, Mapping) and "log_history" in whole:
            whole = whole["log_history"]  # trainer_state.json of transformers
        if isinstance(whole, Mapping) and all(isinstance(v, list) for v in whole.values()):
            whole = [
                dict(zip(whole, row, strict=False)) for row in zip(*whole.values(), strict=False)
            ]
        given = whole if isinstance(whole, list) else [whole]
        return from_objects(
            (one for one in given if isinstance(one, Mapping)),
            [f"{path.name}, row {n}" for n, one in enumerate(given, 1) if isinstance(one, Mapping)],
        )
    objects: list[Mapping[str, Any]] = []
    rows: list[str] = []
    bad: dict[str, list[str]] = {}
    for line, one in enumerate(text.splitlines(), 1):
        if not one.strip():
            continue
        try:
            held = json.loads(one)
            if not isinstance(held, Mapping):
                raise ValueError("no object")
        except ValueError:
            bad.setdefault("no JSON object", []).append(f"{path.name}, line {line}")
            continue
        objects.append(held)
        rows.append(f"{path.name}, line {line}")
    found = from_objects(objects, rows)
    found.bad = bad
    return found


def _parquet(path: Path) -> Raw:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ModuleNotFoundError as problem:
        raise Unsupported(
            f'{path} is Parquet, which needs pyarrow: pip install "likely[data]".'
        ) from problem
    try:
        frame = parquet.read_table(path)
    except (arrow.ArrowException, OSError) as problem:
        raise BadInput(f"{path} is no Parquet: {first_line(problem)}.") from problem
    columns: dict[str, np.ndarray] = {}
    for name, held in zip(frame.column_names, frame.columns, strict=True):
        kind = held.type
        if arrow.types.is_integer(kind) or arrow.types.is_floating(kind):
            columns[name] = held.cast(arrow.float64()).to_numpy()
        elif arrow.types.is_struct(kind):
            inner = from_objects((one or {} for one in held.to_pylist()), ()).columns
            columns |= {f"{name}.{part}": values for part, values in inner.items()}
        else:
            columns[name] = column(held.to_pylist())
    return Raw(columns, tuple(f"{path.name}, row {n}" for n in range(1, frame.num_rows + 1)))
