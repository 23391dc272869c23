"""Lines of JSON as documents."""

import json
from collections.abc import Iterator
from typing import Any

from likely.core.errors import BadInput
from likely.data._bytes import Bytes, Place, not_utf8, unreadable
from likely.data._reading import Reading
from likely.data.corpus import Document


def parse(file: Bytes, place: Place, reading: Reading) -> Iterator[Document]:
    """One document a line; blank lines are passed over.

    Args:
        file: what is read.
        place: the file, for ids and messages.
        reading: names the field, and takes what cannot be read.

    Yields:
        Documents.

    Raises:
        BadInput: a line that is no JSON object, is no UTF-8, or lacks the text.
    """
    yield from reading.documents(objects(file, place, reading), place.name)


def objects(
    file: Bytes, place: Place, reading: Reading
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """One JSON object a line, whatever its fields; blank lines are passed over.

    Args:
        file: what is read.
        place: the file, for messages.
        reading: takes lines that cannot be read.

    Yields:
        File and line for messages, the number of the line, and the object.

    Raises:
        BadInput: a line that is no JSON object or no UTF-8.
    """
    for number, line in _lines(file, place):
        if not line.strip():
            continue
        where = f"{place.path}, line {number}"
        try:
            entry = _object(line, where, place.path)
        except BadInput as problem:
            reading.refuse(problem)
            continue
        yield where, number, entry


def _lines(file: Bytes, place: Place) -> Iterator[tuple[int, bytes]]:
    number = 0
    try:
        for number, line in enumerate(file, start=1):
            yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
    except BadInput:
        raise
    except Exception as problem:  # every packing and remote file system has exceptions of its own
        raise unreadable(place, problem, f", after line {number}") from problem


def _object(line: bytes, where: str, path: str) -> dict[str, Any]:
    remedy = "a .jsonl file holds one complete JSON object a line"
    if line.lstrip().startswith(b"["):
        remedy = f"a file that is one JSON list is read as dataset:json?data_files={path}"
    try:
        entry = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as problem:
        at = f"byte {problem.start} of the line"
        raise not_utf8(where, at, line, problem.start, line) from problem
    except (json.JSONDecodeError, RecursionError) as problem:
        place = f", column {problem.colno}" if isinstance(problem, json.JSONDecodeError) else ""
        raise BadInput(
            f"{where}{place}: this is not valid JSON ({getattr(problem, 'msg', problem)}); "
            f"{remedy}."
        ) from problem
    if not isinstance(entry, dict):
        raise BadInput(
            f"{where}: this is a JSON {type(entry).__name__}, not an object; every line must look "
            f'like {{"text": "…"}}, and {remedy}.'
        )
    return entry
