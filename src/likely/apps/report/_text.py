"""Text coloured by surprisal, entropy, rank, or the difference of two models."""

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

EDGES = (0.5, 1.0, 2.0, 3.0, 4.5, 6.0, 8.0)
"""Bits at which the colour of surprisal and entropy changes."""
RANKS = (1, 3, 10, 30, 100, 1000)
"""Ranks, from 0, at which the colour changes."""
DIFFERENCES = (-4.0, -2.0, -1.0, -0.25, 0.25, 1.0, 2.0, 4.0)
"""Bits of the first model minus bits of the second at which the colour changes."""
Row = Sequence[Any]


def coloured_text(pieces: Iterable[Row]) -> Markup:
    """One element a piece, with a class for each way of colouring it.

    Args:
        pieces: text, bits, entropy, rank … of each.

    Returns:
        HTML, to stand in an element that keeps white space.

    Example:
        >>> str(coloured_text([("if", 2.5, 0.1, 3, [])]))
        '<i class="b3 e0 r2">if</i>'
    """
    return Markup("").join(
        _element(f"b{_level(bits)} e{_level(entropy)} r{bisect_right(RANKS, rank)}", text)
        for text, bits, entropy, rank, *_ in pieces
    )


def coloured_difference(stretches: Iterable[Row]) -> Markup:
    """One element a stretch of text, its colour by the difference of its bits.

    Args:
        stretches: text, bits of the first model, bits of the second.

    Returns:
        HTML, to stand in an element that keeps white space.
    """
    return Markup("").join(
        _element(f"d{bisect_right(DIFFERENCES, first - second)}", text)
        for text, first, second in stretches
    )


def _level(bits: float | int) -> int:
    return bisect_right(EDGES, bits)


def _element(kind: str, text: str) -> Markup:
    if not text:
        return Markup('<i class="{} end">⟨end⟩</i>').format(kind)
    inside = "".join(_character(c) for c in text)
    return Markup('<i class="{}">{}</i>').format(kind, Markup(inside))


def _character(character: str) -> str:
    """Escaped; what cannot be seen shows its number, and the end of a line its sign."""
    if character == "\n":
        return "<b></b>\n"
    if character == "\t" or character.isprintable():
        return str(escape(character))
    return f"<u>U+{ord(character):04X}</u>"


def hover_data(pieces: Sequence[Row]) -> dict[str, Any]:
    """What the page says of each piece on hover; each word is kept once.

    Args:
        pieces: text, bits, entropy, rank, alternatives, parts of each.

    Returns:
        `words`, and `rows`: bits, entropy, rank, alternatives as word, probability, word …, and
        tokens as word, bits, word … where there are several.
    """
    words: dict[str, int] = {}

    def flat(pairs: Iterable[Sequence[Any]], digits: int) -> list[float | int]:
        return [
            number
            for word, value in pairs
            for number in (words.setdefault(str(word), len(words)), round(float(value), digits))
        ]

    rows = []
    for _, bits, entropy, rank, instead, *more in pieces:
        row = [round(float(bits), 2), round(float(entropy), 2), rank, flat(instead, 3)]
        parts = flat(more[0], 2) if more and more[0] else []
        rows.append([*row, parts] if parts else row)
    return {"words": list(words), "rows": rows}


def legends() -> list[Mapping[str, Any]]:
    """What each colour means, for every way of colouring."""
    ends = ["0", *(f"{edge:g}" for edge in EDGES)]
    bits = [f"{low}–{high}" for low, high in itertools.pairwise(ends)] + [f"{ends[-1]} +"]
    ranks = ["likeliest", "2nd–3rd", "4th–10th", "to 30th", "to 100th", "to 1000th", "later"]
    return [
        {"kind": "bits", "letter": "b", "labels": bits, "unit": "bits the model needed"},
        {"kind": "entropy", "letter": "e", "labels": bits, "unit": "bits it expected to need"},
        {"kind": "rank", "letter": "r", "labels": ranks, "unit": "place among its guesses"},
    ]


def difference_legend() -> list[Mapping[str, Any]]:
    """What each colour of a difference means, from the first model's side to the second's."""
    labels = ["−4", "−2", "−1", "−¼", "0", "¼", "1", "2", "4"]
    return [{"kind": f"d{i}", "label": label} for i, label in enumerate(labels)]


def passages_of(
    coloured: Sequence[Mapping[str, Any]], labels: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Passages as templates take them.

    Args:
        coloured: `id`, `domain` and `models`: name → `bits_per_byte` and `pieces`.
        labels: what to call the models.

    Returns:
        Passages with a panel a model, and what the panels tell on hover, by their number.
    """
    passages: list[dict[str, Any]] = []
    readings: list[dict[str, Any]] = []
    for one in coloured:
        panels = []
        for name, model in one["models"].items():
            panels.append(
                {
                    "key": name,
                    "label": labels.get(name, name),
                    "bits_per_byte": model["bits_per_byte"],
                    "number": len(readings),
                    "html": coloured_text(model["pieces"]),
                }
            )
            readings.append(hover_data(model["pieces"]))
        passages.append({"id": one["id"], "domain": one["domain"], "panels": panels})
    return passages, readings
