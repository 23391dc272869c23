"""Intervals of a claim's decisions as a picture: zero, the margin, and where seeds put the mean."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import accumulate
from textwrap import wrap
from typing import Any

from likely.apps._verdict import edge_of, figure

WIDTH, ROW, LEFT, RIGHT = 760, 72, 24, 24
LINE, LETTERS = 16, 102  # height of a line of text, and how many letters one holds
APART = 36  # between numbers below the axis
STYLE = """
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f; }
    .small { font-size: 11px; fill: #57606a; text-anchor: middle; }
    .axis { stroke: #c9ced4; }
    .wanted { fill: #e8f0f8; }
    .edge { stroke: #2f6fab; stroke-width: 1.6; stroke-dasharray: 4 3; }
    .zero { stroke: #57606a; }
    .seed { fill: #57606a; opacity: 0.45; }
    .line { stroke-width: 3; } .line, .dot { stroke: #57606a; fill: #57606a; }
    .held .line, .held .dot { stroke: #1a7f37; fill: #1a7f37; }
    .failed .line, .failed .dot { stroke: #c93c37; fill: #c93c37; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6e9ec; } .small { fill: #9aa4ae; } .axis { stroke: #3a4149; }
      .wanted { fill: #17293b; } .edge { stroke: #6ea8dc; } .zero { stroke: #9aa4ae; }
    }"""


def drawn(decisions: Sequence[Mapping[str, Any]]) -> str:
    """A picture of every decision, one below the other, each on its own scale.

    Args:
        decisions: as they stand in a result.

    Returns:
        SVG. Shaded is where the whole interval must lie; small dots are seeds.
    """
    texts = [wrap(f"{n}. {row['says']}", LETTERS) for n, row in enumerate(decisions, start=1)]
    *tops, height = accumulate((ROW + LINE * (len(text) - 1) for text in texts), initial=12)
    rows = [_row(*one) for one in zip(tops, texts, decisions, strict=True)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            "  <title>Mean differences over seeds with 95 % intervals</title>",
            f"  <style>{STYLE}\n  </style>",
            *rows,
            "</svg>\n",
        ]
    )


def _row(top: int, text: Sequence[str], row: Mapping[str, Any]) -> str:
    edge, seeds = edge_of(row), row["differences"]
    known = [0.0, edge, *seeds] + ([] if row["mean"] is None else [row["low"], row["high"]])
    least, most = min(known), max(known)
    room = (most - least or 1.0) * 0.06
    least, most = least - room, most + room

    def at(value: float) -> float:
        return round(LEFT + (value - least) / (most - least) * (WIDTH - LEFT - RIGHT), 1)

    said = [
        f'<text x="{LEFT}" y="{top + 6 + LINE * n}">{escape(line)}</text>'
        for n, line in enumerate(text)
    ]
    top += LINE * (len(text) - 1) - 4
    middle, low = top + 32, top + 44
    begin, end = (edge, most) if row["side"] == "above" else (least, edge)
    parts = [
        f'<g class="{row["outcome"].replace(" ", "-")}">',
        *said,
        f'<rect class="wanted" x="{at(begin)}" y="{top + 18}" '
        f'width="{round(at(end) - at(begin), 1)}" height="26"/>',
        _line("axis", at(least), low, at(most), low),
        _line("zero", at(0), top + 18, at(0), low),
        _line("edge", at(edge), top + 18, at(edge), low),
        f'<text class="small" x="{at(0)}" y="{low + 11}">0</text>',
    ]
    marks = [0.0]
    for value in [edge] + ([] if row["mean"] is None else [row["mean"]]):
        if all(abs(at(value) - at(mark)) > APART for mark in marks):
            parts.append(
                f'<text class="small" x="{at(value)}" y="{low + 11}">{figure(value)}</text>'
            )
            marks.append(value)
    parts += [f'<circle class="seed" cx="{at(one)}" cy="{middle}" r="3"/>' for one in seeds]
    if row["mean"] is not None:
        parts += [
            _line("line", at(row["low"]), middle, at(row["high"]), middle),
            f'<circle class="dot" cx="{at(row["mean"])}" cy="{middle}" r="5"/>',
        ]
    return "\n  ".join(["  " + parts[0], *parts[1:], "</g>"])


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'
