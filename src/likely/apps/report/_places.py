"""Places of a text that are worth a look, with links to them."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from likely.apps._comparison import Stretch
from likely.apps._reading import Piece, Reading
from likely.apps._shown import visible
from likely.apps.report._text import DIFFERENCES, EDGES

MOST = 10
_BEFORE, _AFTER = 22, 12


def most_surprising(number: int, label: str, reading: Reading) -> dict[str, Any]:
    """The pieces that took the most bits.

    Args:
        number: of the model's text on the page.
        label: what the page calls the model.
        reading: the text as it sees it.

    Returns:
        A label and rows for a table.
    """
    pieces = reading.pieces
    chosen = sorted(range(len(pieces)), key=lambda i: -pieces[i].bits)[:MOST]
    texts = [piece.text for piece in pieces]
    return {
        "label": label,
        "rows": [
            {
                **_around(texts, i),
                "reading": number,
                "place": i,
                "kind": f"b{bisect_right(EDGES, pieces[i].bits)}",
                "bits": pieces[i].bits,
                "rank": pieces[i].rank + 1,
                "expected": _expected(pieces[i]),
            }
            for i in chosen
        ],
    }


def _expected(piece: Piece) -> str:
    return "  ".join(f"{word} {chance:.0%}" for word, chance in piece.instead[:2])


def ahead(number: int, labels: Sequence[str], cut: Sequence[Stretch]) -> list[dict[str, Any]]:
    """Where each of two models needs the fewest bits compared with the other.

    Args:
        number: of the difference's text on the page.
        labels: of the two models.
        cut: the stretches of all documents.

    Returns:
        For each model a label and rows for a table.
    """
    texts = [stretch.text for stretch in cut]
    apart = [stretch.first - stretch.second for stretch in cut]
    found = []
    for label, sign in zip(labels, (1, -1), strict=True):
        chosen = sorted(range(len(cut)), key=lambda i: sign * apart[i])[:MOST]
        rows = [
            {
                **_around(texts, i),
                "reading": number,
                "place": i,
                "kind": f"d{bisect_right(DIFFERENCES, apart[i])}",
                "first": cut[i].first,
                "second": cut[i].second,
                "apart": abs(apart[i]),
            }
            for i in chosen
            if sign * apart[i] < 0
        ]
        found.append({"label": label, "rows": rows})
    return found


def _around(texts: Sequence[str], place: int) -> dict[str, str]:
    """A piece and a little of what stands before and after it, on one line."""
    before = "".join(texts[max(0, place - _BEFORE) : place])
    after = "".join(texts[place + 1 : place + 1 + _AFTER])
    return {
        "before": _line(("…" + before[-_BEFORE:]) if len(before) > _BEFORE else before),
        "piece": visible(texts[place]) or "⟨end⟩",
        "after": _line(after[:_AFTER]),
    }


def _line(text: str) -> str:
    """Text as it is, with signs for what would break the line."""
    return "".join(c if c == " " else visible(c) for c in text)
