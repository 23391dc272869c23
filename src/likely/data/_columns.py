"""Values of columns that lines and rows have in common: checked, and refused in a sentence."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from likely.core.errors import BadInput
from likely.data.example import Part


def wrong(where: str, column: str, value: Any, wanted: str) -> BadInput:
    """The sentence for a column that holds something else than it should.

    Args:
        where: file and line.
        column: its name.
        value: what it holds.
        wanted: what it should hold.

    Returns:
        The error.
    """
    kind = "a list" if isinstance(value, Sequence) and not isinstance(value, str) else ""
    kind = kind or {"str": "text", "dict": "an object"}.get(type(value).__name__, repr(value))
    return BadInput(f"{where}, column {column}: this is {kind}, and should be {wanted}.")


def unicode(text: str, column: str, where: str) -> str:
    """A text that UTF-8 can write.

    Args:
        text: what a column holds.
        column: its name.
        where: file and line.

    Returns:
        The text.

    Raises:
        BadInput: it holds half a surrogate pair.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise BadInput(
            f"{where}, column {column}: character {problem.start} is half a surrogate pair, which "
            "UTF-8 cannot write; repair or remove this line."
        ) from problem
    return text


def scored_parts(row: Mapping[str, Any], where: str) -> tuple[Part, ...]:
    """Pieces of text with their scores, from `segments` or from `texts` and `scores`.

    Args:
        row: values by column.
        where: file and line, for messages.

    Returns:
        The pieces, in order.

    Raises:
        BadInput: a piece without text or without a finite score, or lists of two lengths.
    """
    if row.get("segments") is None:
        texts, scores = pairs(row, "texts", "scores", where)
        given = list(zip((f"scores[{n}]" for n in range(len(texts))), texts, scores, strict=True))
    else:
        segments = row["segments"]
        if not isinstance(segments, Sequence) or isinstance(segments, str):
            raise wrong(where, "segments", segments, "a list")
        for n, one in enumerate(segments):
            if not isinstance(one, Mapping) or not isinstance(one.get("text"), str):
                wanted = 'an object such as {"text": "…", "score": 0.5}'
                raise wrong(where, f"segments[{n}]", one, wanted)
        given = [
            (f"segments[{n}].score", s["text"], s.get("score")) for n, s in enumerate(segments)
        ]
    for at, text, score in given:
        if (
            isinstance(score, bool)
            or not isinstance(score, int | float)
            or not math.isfinite(score)
        ):
            shown = "missing" if score is None else score
            raise wrong(where, at, shown, "a finite number")
        unicode(text, at, where)
    return tuple(Part(text, float(score)) for _, text, score in given)


def pairs(
    row: Mapping[str, Any], first: str, second: str, where: str
) -> tuple[Sequence[str], Sequence[Any]]:
    """Two lists that belong together, the first of texts.

    Args:
        row: values by column.
        first: the column of texts.
        second: the column of what is known of each.
        where: file and line.

    Returns:
        Both lists, of one length.

    Raises:
        BadInput: no lists, something else than text, or two lengths.
    """
    texts, values = row[first], row[second]
    for column, value in ((first, texts), (second, values)):
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise wrong(where, column, value, "a list")
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise wrong(where, f"{first}[{place}]", text, "text")
        unicode(text, f"{first}[{place}]", where)
    if len(texts) != len(values):
        raise BadInput(
            f"{where}, column {second}: there are {len(values)} for {len(texts)} {first}; give one "
            "each."
        )
    return texts, values


def label_of(value: Any, column: str, where: str) -> int:
    """Whether something is wanted.

    Args:
        value: true or false, or 1 or 0.
        column: its name, for the message.
        where: file and line, for the message.

    Returns:
        1 or 0.

    Raises:
        BadInput: it is neither.
    """
    if isinstance(value, bool | int | float) and value in (0, 1):
        return int(value)
    raise wrong(
        where, column, json.dumps(value) if isinstance(value, str) else value, "true or false"
    )
