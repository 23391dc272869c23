"""Two pictures of a comparison: differences with their intervals, and cost against gain."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from likely.apps.report._axes import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    axis,
    grid,
    x_of,
    y_of,
)

ROW, EDGE = 58, 24
BOLD = 8.0
"""Pixels of a letter of a name, on average."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""


@dataclass(frozen=True)
class Row:
    """One arm against the baseline.

    Args:
        key: names its colour.
        name: of the arm.
        said: the difference in words.
        hover: what its point tells.
        mean: of the differences; None where there is none.
        low: lower end of the interval; None without one.
        high: upper end.
        seeds: differences of single seeds.
    """

    key: str
    name: str
    said: str
    hover: str
    mean: float | None
    low: float | None
    high: float | None
    seeds: Sequence[float]


def forest(title: str, rows: Sequence[Row], *, left: str, right: str) -> Markup:
    """Draw every arm's difference to the baseline, with its interval and its seeds.

    Args:
        title: said to those who cannot see it.
        rows: the arms, from the top.
        left: what it means to lie left of zero.
        right: what it means to lie right of it.

    Returns:
        An `svg` element.
    """
    values = [0.0]
    for row in rows:
        values += [v for v in (row.mean, row.low, row.high) if v is not None] + list(row.seeds)
    across = axis(values if len(set(values)) > 1 else [-1.0, 1.0], 4)
    height = TOP + ROW * len(rows) + BOTTOM

    def at(value: float) -> float:
        return round(EDGE + across.share(value) * (WIDTH - 2 * EDGE), 1)

    floor = TOP + ROW * len(rows)
    parts = [
        Markup('<rect class="stripe" x="0" width="{}" y="{}" height="{}"/>').format(
            WIDTH, TOP + ROW * n, ROW
        )
        for n in range(0, len(rows), 2)
    ]
    for tick in across.ticks:
        parts.append(
            Markup('<line class="grid" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
                at(tick), TOP, floor
            )
            + Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>').format(
                at(tick), floor + 16, _signed(tick)
            )
        )
    parts.append(
        Markup('<line class="zero" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
            at(0.0), TOP - 5, floor + 3
        )
    )
    parts += [_row(row, TOP + ROW * n, at) for n, row in enumerate(rows)]
    words = Markup(
        '<text class="side" x="0" y="{0}">← {1}</text>'
        '<text class="side" x="{2}" y="{0}" text-anchor="end">{3} →</text>'
    ).format(14, left, WIDTH, right)
    return Markup(
        '<svg class="chart forest" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>'
    ).format(WIDTH, height - 18, title, Markup("").join(parts), words)


def _signed(value: float) -> str:
    return f"{value:+g}".replace("-", "−") if value else "0"


def _row(row: Row, top: int, at: Callable[[float], float]) -> Markup:
    y = top + 40
    parts = [
        Markup(
            '<text class="name" x="6" y="{0}">{1}</text>'
            '<text class="said" x="{2}" y="{0}" text-anchor="end">{3}</text>'
        ).format(top + 18, row.name, WIDTH - 6, row.said)
    ]
    if row.low is not None and row.high is not None:
        parts.append(
            Markup('<line class="span" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(
                at(row.low), at(row.high), y
            )
        )
        parts += [
            Markup('<line class="span" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
                at(end), y - 5, y + 5
            )
            for end in (row.low, row.high)
        ]
    parts += [
        Markup('<circle class="seed" cx="{}" cy="{}" r="3"/>').format(at(value), y + 11)
        for value in row.seeds
    ]
    if row.mean is not None:
        parts.append(
            Markup(
                '<circle class="hit" cx="{0}" cy="{1}" r="14" data-t="{2}"/>'
                '<circle class="mean" cx="{0}" cy="{1}" r="6"/>'
            ).format(at(row.mean), y, row.hover)
        )
    return Markup('<g class="c-{}">{}</g>').format(row.key, Markup("").join(parts))


@dataclass(frozen=True)
class Bargain:
    """What an arm costs and what it gains.

    Args:
        key: names its colour.
        name: of the arm.
        cost: its step time over that of cross-entropy.
        gain: over the baseline, upwards better; its interval after it, where there is one.
        low: lower end of the gain.
        high: upper end.
        hover: what its point tells.
    """

    key: str
    name: str
    cost: float
    gain: float
    low: float
    high: float
    hover: str


def bargains(title: str, points: Sequence[Bargain], *, y_label: str) -> Markup:
    """Draw gain over cost, one point an arm.

    Args:
        title: said to those who cannot see it.
        points: the arms.
        y_label: above the vertical axis.

    Returns:
        An `svg` element.
    """
    across = axis([1.0, *(one.cost for one in points)], 4)
    ends = [end for one in points for end in (one.low, one.gain, one.high)]
    up = axis([0.0, *ends] if any(ends) else [-1.0, 1.0], 5)
    parts = [grid(across, up, "{:g}×".format, _signed, "step time, × cross-entropy", y_label)]
    parts.append(
        Markup('<line class="zero" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(
            LEFT, WIDTH - RIGHT, y_of(up, 0.0)
        )
    )
    parts += _dots(points, across, up)
    return Markup(
        '<svg class="chart gain" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, title, Markup("").join(parts))


def _dots(points: Sequence[Bargain], across: Axis, up: Axis) -> list[Markup]:
    """Names, and whiskers and points over them."""
    places = [(x_of(across, one.cost), y_of(up, one.gain)) for one in points]
    ink: list[Box] = [(x - 9, y - 9, x + 9, y + 9) for x, y in places]
    for one, (x, _) in zip(points, places, strict=True):
        ink.append((x - 3, y_of(up, one.high), x + 3, y_of(up, one.low)))
    names, marks = [], []
    for one, (x, y) in zip(points, places, strict=True):
        left, base, box = _free(BOLD * len(one.name), x, y, ink)
        ink.append(box)
        names.append(
            Markup('<text class="name" x="{}" y="{}">{}</text>').format(left, base, one.name)
        )
        marks.append(
            Markup(
                '<g class="c-{0}"><line class="span" x1="{1}" x2="{1}" y1="{2}" y2="{3}"/>'
                '<circle class="hit" cx="{1}" cy="{4}" r="14" data-t="{5}"/>'
                '<circle class="mean" cx="{1}" cy="{4}" r="6"/></g>'
            ).format(one.key, x, y_of(up, one.low), y_of(up, one.high), y, one.hover)
        )
    return [*names, *marks]


def _free(width: float, x: float, y: float, ink: Sequence[Box]) -> tuple[float, float, Box]:
    """Where a name covers least: beside its point, then farther above and below it."""
    best: tuple[float, float, float, Box] | None = None
    for away in range(0, 90, 15):
        for base in (y + 4 - away, y + 4 + away):
            for left in (x + 11, x - 11 - width):
                box = (left, base - 12, left + width, base + 3)
                covered = sum((_overlap(box, other) for other in ink), 0.0)
                outside = max(0.0, box[2] - WIDTH) + max(0.0, LEFT - left)
                outside += max(0.0, base - (HEIGHT - BOTTOM)) + max(0.0, TOP - box[1])
                score = covered + 200 * outside + away
                if best is None or score < best[0]:
                    best = (score, round(left, 1), round(base, 1), box)
    assert best is not None
    return best[1:]


def _overlap(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    up = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, up)
