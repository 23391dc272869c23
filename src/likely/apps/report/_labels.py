"""Lines to compare with, and where their names fit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from likely.apps.report._axes import LEFT, RIGHT, WIDTH, Axis, x_of, y_of

LETTER = 6.9
"""Pixels of a letter of a label, on average."""
Place = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A series of points.

    Args:
        key: names its colour: `ngram`, `feed_forward`, `transformer`, `compressor` …
        label: what a reader calls it.
        points: places, x increasing.
        said: what each point tells on hover, one text a point.
        fine: True for so many points that they are not marked one by one.
    """

    key: str
    label: str
    points: Sequence[tuple[float | int, float | int]]
    said: Sequence[str]
    fine: bool = False


@dataclass(frozen=True)
class Band:
    """An area between two lines.

    Args:
        key: names its colour.
        points: x, lower and upper end, x increasing.
    """

    key: str
    points: Sequence[tuple[float, float, float]]


@dataclass(frozen=True)
class Level:
    """A horizontal line to compare with.

    Args:
        key: names its colour.
        label: written on it.
        y: where it lies.
    """

    key: str
    label: str
    y: float


def _ink(lines: Sequence[Line], across: Axis, up: Axis) -> list[Place]:
    """Places close to one another along all lines, as pixels."""
    found = []
    for line in lines:
        places = [(x_of(across, x), y_of(up, y)) for x, y in line.points]
        for (x, y), (to_x, to_y) in pairwise([*places[:1], *places]):
            steps = 1 + int(math.hypot(to_x - x, to_y - y) // 4)
            found += [
                (x + (to_x - x) * i / steps, y + (to_y - y) * i / steps) for i in range(steps + 1)
            ]
    return found


def names(levels: Sequence[Level], lines: Sequence[Line], across: Axis, up: Axis) -> list[Markup]:
    """A label over or under each level, at the end where it covers least; drawn last.

    Args:
        levels: what to name.
        lines: what had better not be covered.
        across: the horizontal axis.
        up: the vertical axis.

    Returns:
        SVG elements.
    """
    drawn = []
    ink = _ink(lines, across, up)
    ink += [(float(x), y_of(up, level.y)) for level in levels for x in range(LEFT, WIDTH, 4)]
    for level in levels:
        text, y = f"{level.label} {level.y:.3f}", y_of(up, level.y)
        width = LETTER * len(text)
        ends = ((WIDTH - RIGHT, "end", WIDTH - RIGHT - width), (LEFT + 4, "start", LEFT + 4.0))
        choices = [
            (x, base, anchor, left) for x, anchor, left in ends for base in (y - 5.0, y + 14.0)
        ]
        x, base, anchor, left = min(choices, key=lambda c: _covered(c[3], c[1], width, ink))
        ink += [(left + i, base - 5) for i in range(0, int(width), 2)]
        drawn.append(
            Markup(
                '<g class="level c-{}"><text x="{}" y="{}" text-anchor="{}">{}</text></g>'
            ).format(level.key, x, round(base, 1), anchor, text)
        )
    return drawn


def _covered(left: float, base: float, width: float, ink: Sequence[Place]) -> int:
    """How much ink lies under a text."""
    return sum(left - 4 <= x <= left + width + 4 and base - 13 <= y <= base + 4 for x, y in ink)
