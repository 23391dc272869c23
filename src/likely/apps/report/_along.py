"""Curves of surprisal: along the text, and how unevenly it is spread."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from likely.apps._reading import Piece
from likely.apps._shown import visible
from likely.apps.report._chart import chart, key
from likely.apps.report._labels import Level, Line
from likely.apps.report._numbers import short_count
from likely.apps.report._seen import Seen

POINTS = 160
_KEYS = ("first", "second")


def running(seen: Sequence[Seen]) -> dict[str, Any]:
    """Bits per byte of a window that moves along the text.

    Args:
        seen: one model or two.

    Returns:
        A title, a picture and its key.
    """
    whole = max(int(one.reading.likelihood.bytes.sum()) for one in seen)
    window = max(24, whole // 25)
    lines = [_running(k, one, window) for k, one in zip(_KEYS, seen, strict=False)]
    levels = [
        Level(k, f"{one.label}, all of it", one.reading.likelihood.bits_per_byte)
        for k, one in zip(_KEYS, seen, strict=False)
    ]
    title = f"Along the text: bits per byte, mean over {window:,} bytes"
    heights = [y for line in lines for _, y in line.points] or [0.0, 1.0]
    picture = chart(
        title,
        lines,
        levels,
        x_label="bytes into the text",
        x_text=short_count,
        y_range=(0.0, max(heights)),
    )
    return {"title": title, "svg": picture, "key": key(lines)}


def _running(name: str, one: Seen, window: int) -> Line:
    pieces = one.reading.pieces
    ends = np.cumsum([len(piece.text.encode()) for piece in pieces]).astype(np.float64)
    bits = np.cumsum([piece.bits for piece in pieces])
    whole = float(ends[-1]) if len(ends) else 0.0
    if whole <= window:
        middles = np.array([whole / 2])
    else:
        middles = np.linspace(window / 2, whole - window / 2, min(POINTS, int(whole - window) + 1))
    grown, at = np.concatenate([[0.0], bits]), np.concatenate([[0.0], ends])
    low, high = np.clip(middles - window / 2, 0, whole), np.clip(middles + window / 2, 0, whole)
    mean = (np.interp(high, at, grown) - np.interp(low, at, grown)) / np.maximum(high - low, 1)
    places = np.minimum(np.searchsorted(ends, middles), len(pieces) - 1)
    said = [
        f"{one.label}: {y:.2f} bits per byte\naround “{_around(pieces, int(i))}”"
        for y, i in zip(mean, places, strict=True)
    ]
    points = [(round(float(x), 1), float(y)) for x, y in zip(middles, mean, strict=True)]
    return Line(name, one.label, points, said, fine=True)


def _around(pieces: Sequence[Piece], place: int) -> str:
    text = "".join(piece.text for piece in pieces[max(0, place - 20) : place + 20])
    middle = len("".join(piece.text for piece in pieces[max(0, place - 20) : place]))
    cut = " ".join(text[max(0, middle - 20) : middle + 20].split())
    return "".join(c if c == " " else visible(c) for c in cut)


def concentration(seen: Sequence[Seen]) -> dict[str, Any]:
    """Which share of the bits the most surprising share of the pieces took.

    Args:
        seen: one model or two.

    Returns:
        A title, a picture and its key.
    """
    lines = []
    for name, one in zip(_KEYS, seen, strict=False):
        bits = np.sort([piece.bits for piece in one.reading.pieces])[::-1]
        grown = np.concatenate([[0.0], np.cumsum(bits)]) / max(float(bits.sum()), 1e-9)
        at = np.unique(np.linspace(0, len(bits), min(41, len(bits) + 1)).round().astype(int))
        points = [(float(i) / len(bits), min(float(grown[i]), 1.0)) for i in at]
        said = [
            f"{one.label}\nthe most surprising {x:.0%}\ntook {y:.0%} of the bits" for x, y in points
        ]
        lines.append(Line(name, one.label, points, said, fine=True))
    title = "How unevenly surprise is spread"
    picture = chart(
        title,
        lines,
        x_label="share of the text, most surprising first",
        y_label="share of all bits",
        x_text="{:.0%}".format,
        y_text="{:.0%}".format,
        y_range=(0.0, 1.0),
    )
    return {"title": title, "svg": picture, "key": key(lines)}
