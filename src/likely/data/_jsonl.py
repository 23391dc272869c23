"""Lines of JSON as documents."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from likely.core.errors import BadInput, did_you_mean
from likely.data.corpus import Document


def parse(text: str, path: Path, name: str, *, field: str) -> Iterator[Document]:
    """One document a line; blank lines are passed over.

    Args:
        text: what the file holds.
        path: the file, for messages.
        name: what ids of lines without one start with.
        field: which field holds the text.

    Yields:
        Documents: `id`, `domain` (or `source`) from their fields, all others as metadata.

    Raises:
        BadInput: a line that is no JSON object, or whose text is missing or no string.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        entry = _object(line, f"{path}, line {number}")
        body = _body(entry, field, f"{path}, line {number}")
        domain = next((entry[k] for k in ("domain", "source") if isinstance(entry.get(k), str)), "")
        identity = entry.get("id")
        named = (
            isinstance(identity, str | int) and not isinstance(identity, bool) and identity != ""
        )
        yield Document(
            id=str(identity) if named else f"{name}:{number}",
            text=body,
            domain=domain or "text",
            metadata={k: v for k, v in entry.items() if k not in (field, "id", "domain")},
        )


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as problem:
        place = f", column {problem.colno}" if isinstance(problem, json.JSONDecodeError) else ""
        raise BadInput(
            f"{where}{place}: this is not valid JSON ({getattr(problem, 'msg', problem)}); "
            "a .jsonl file holds one complete JSON object a line."
        ) from problem
    if not isinstance(entry, dict):
        raise BadInput(
            f"{where}: this is a JSON {type(entry).__name__}, not an object; every line must look "
            'like {"text": "…"}.'
        )
    return entry


def _body(entry: dict[str, Any], field: str, where: str) -> str:
    if field not in entry:
        have = ", ".join(entry) or "none"
        raise BadInput(
            f"{where}: there is no field {field!r} (fields here: {have}); name the field that "
            f"holds the text.{did_you_mean(field, entry)}"
        )
    body = entry[field]
    if not isinstance(body, str):
        raise BadInput(
            f"{where}: the field {field!r} is {type(body).__name__}, not a string; name the field "
            "that holds the text."
        )
    try:
        body.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise BadInput(
            f"{where}: the field {field!r} holds half a surrogate pair at character "
            f"{problem.start}, which UTF-8 cannot write; repair or remove this line."
        ) from problem
    return body
