"""Line charts as SVG: axes, points that tell their values, lines to compare with."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 30, 44
_APART = 0.075
_DASHES = {
    "ngram": "",
    "feed_forward": "7 4",
    "transformer": "",
    "goldfish": "7 4",
    "ngram_kneser_ney": "7 4",
}


@dataclass(frozen=True)
class Line:
    """A series of points.

    Args:
        key: names its colour: `ngram`, `feed_forward`, `transformer`, `compressor` …
        label: what a reader calls it.
        points: places, x increasing.
        said: what each point tells on hover, one text a point.
    """

    key: str
    label: str
    points: Sequence[tuple[float | int, float | int]]
    said: Sequence[str]


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


@dataclass(frozen=True)
class Axis:
    """A range and its round numbers.

    Args:
        low: its lower end.
        high: its upper end.
        ticks: round numbers inside.
    """

    low: float | int
    high: float | int
    ticks: tuple[float | int, ...]

    def share(self, value: float | int) -> float:
        """Where a value lies, 0 at the lower end and 1 at the upper.

        Args:
            value: what to place.

        Returns:
            A number, outside [0, 1] for what lies outside.
        """
        return (value - self.low) / (self.high - self.low)


def axis(values: Sequence[float | int], count: int = 5) -> Axis:
    """An axis over some values with about `count` round numbers.

    Args:
        values: what it must hold.
        count: ticks wanted.

    Returns:
        The axis.

    Example:
        >>> axis([0.0, 97.0]).ticks
        (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)
    """
    least, most = min(values), max(values)
    span = most - least or abs(most) or 1.0
    rough = span / count
    power = 10 ** math.floor(math.log10(rough))
    step = min((m * power for m in (1, 2, 2.5, 5, 10)), key=lambda s: abs(s - rough))
    first = math.floor(least / step + 1e-9)
    last = math.ceil(most / step - 1e-9)
    ticks = tuple(round(float(step * i), 10) for i in range(first, max(last, first + 1) + 1))
    return Axis(ticks[0], ticks[-1], ticks)


def chart(
    title: str,
    lines: Sequence[Line],
    levels: Sequence[Level] = (),
    *,
    x_label: str,
    y_label: str = "bits per byte",
    x_text: Callable[[float], str] = "{:g}".format,
    y_text: Callable[[float], str] = "{:g}".format,
    x_axis: Axis | None = None,
    y_range: tuple[float, float] | None = None,
) -> Markup:
    """Draw lines over two axes.

    Values far above the rest (a model before its first step) run out of the picture.

    Args:
        title: said to those who cannot see it.
        lines: what to draw.
        levels: what to compare with.
        x_label: below the picture.
        y_label: above the vertical axis.
        x_text: how a round number of the horizontal axis is written.
        y_text: the same for the vertical axis.
        x_axis: the horizontal axis, where it is fixed.
        y_range: ends of the vertical axis, where they are fixed.

    Returns:
        An `svg` element.
    """
    across = x_axis or axis([x for line in lines for x, _ in line.points] or [0.0, 1.0])
    heights = [y for line in lines for _, y in line.points] + [level.y for level in levels]
    heights = heights or [0.0, 1.0]
    ends = [1.2 * line.points[-1][1] for line in lines if line.points]
    ceiling = max([1.9 * min(heights), *ends, *(1.1 * level.y for level in levels)])
    up = axis(y_range or [min(heights), min(max(heights), ceiling)])
    parts = [_grid(across, up, x_text, y_text, x_label, y_label)]
    above, names = -math.inf, []
    for level in sorted(levels, key=lambda level: level.y):
        if up.low <= level.y <= up.high:
            crowded = up.share(level.y) - above < _APART
            parts.append(_level(level, up))
            names.append(_name(level, up, crowded))
            above = -math.inf if crowded else up.share(level.y)
    parts += [*(_line(line, across, up) for line in lines), *names]
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, title, Markup("").join(parts))


def _x(axis: Axis, value: float | int) -> float:
    return round(LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT), 1)


def _y(axis: Axis, value: float | int) -> float:
    return round(HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - TOP - BOTTOM), 1)


def _grid(
    across: Axis,
    up: Axis,
    x_text: Callable[[float], str],
    y_text: Callable[[float], str],
    x_label: str,
    y_label: str,
) -> Markup:
    rows = [
        Markup('<line class="grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(
            LEFT, WIDTH - RIGHT, _y(up, tick)
        )
        + Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>').format(
            LEFT - 7, _y(up, tick) + 4, y_text(tick)
        )
        for tick in up.ticks
    ]
    columns = [
        Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>').format(
            _x(across, tick), HEIGHT - BOTTOM + 18, x_text(tick)
        )
        for tick in across.ticks
    ]
    words = Markup(
        '<text class="axis" x="{}" y="{}" text-anchor="end">{}</text>'
        '<text class="axis" x="{}" y="{}">{}</text>'
    ).format(WIDTH - RIGHT, HEIGHT - 6, x_label, 2, 12, y_label)
    return Markup("").join([*rows, *columns, words])


def _level(level: Level, up: Axis) -> Markup:
    return Markup('<g class="level c-{0}"><line x1="{1}" x2="{2}" y1="{3}" y2="{3}"/></g>').format(
        level.key, LEFT, WIDTH - RIGHT, _y(up, level.y)
    )


def _name(level: Level, up: Axis, crowded: bool) -> Markup:
    """Over a level's right end, or over its left where another one is close below; drawn last."""
    x, anchor = (LEFT + 4, "start") if crowded else (WIDTH - RIGHT, "end")
    return Markup(
        '<g class="level c-{}"><text x="{}" y="{}" text-anchor="{}">{}</text></g>'
    ).format(level.key, x, _y(up, level.y) - 5, anchor, f"{level.label} {level.y:.3f}")


def _line(line: Line, across: Axis, up: Axis) -> Markup:
    inside = [
        (x, y, said)
        for (x, y), said in zip(line.points, line.said, strict=True)
        if up.low <= y <= up.high
    ]
    path = " ".join(f"{_x(across, x)},{_y(up, y)}" for x, y, _ in inside)
    dash = _DASHES.get(line.key, "")
    dashed = Markup(' stroke-dasharray="{}"').format(dash) if dash else Markup("")
    points = Markup("").join(
        Markup('<circle class="hit" cx="{0}" cy="{1}" r="11" data-t="{2}"/>'
               '<circle class="dot" cx="{0}" cy="{1}" r="3"/>').format(
            _x(across, x), _y(up, y), said
        )
        for x, y, said in inside
    )  # fmt: skip
    return Markup('<g class="line c-{}"><polyline points="{}"{}/>{}</g>').format(
        line.key, path, dashed, points
    )


def key(lines: Sequence[Line]) -> Markup:
    """The legend of a chart.

    Args:
        lines: what was drawn.

    Returns:
        A list of swatches and labels.
    """
    rows = [
        Markup('<li class="c-{}"><span class="swatch{}"></span>{}</li>').format(
            line.key, " dashed" if _DASHES.get(line.key) else "", escape(line.label)
        )
        for line in lines
    ]
    return Markup('<ul class="key">{}</ul>').format(Markup("").join(rows))
