"""Line charts as SVG: axes, points that tell their values, lines to compare with."""

from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from likely.apps.report._axes import HEIGHT, LEFT, RIGHT, WIDTH, Axis, axis, grid, x_of, y_of
from likely.apps.report._labels import Band, Level, Line, names

_DASHES = {
    "ngram": "",
    "feed_forward": "7 4",
    "transformer": "",
    "goldfish": "7 4",
    "ngram_kneser_ney": "7 4",
}


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
    band: Band | None = None,
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
        band: an area behind the lines.

    Returns:
        An `svg` element.
    """
    across = x_axis or axis([x for line in lines for x, _ in line.points] or [0.0, 1.0])
    heights = [y for line in lines for _, y in line.points] + [level.y for level in levels]
    heights = heights or [0.0, 1.0]
    ends = [1.2 * line.points[-1][1] for line in lines if line.points]
    ceiling = max([1.9 * min(heights), *ends, *(1.1 * level.y for level in levels)])
    up = axis(y_range or [min(heights), min(max(heights), ceiling)])
    parts = [grid(across, up, x_text, y_text, x_label, y_label)]
    parts += [_band(band, across, up)] if band else []
    shown = [level for level in levels if up.low <= level.y <= up.high]
    parts += [_level(level, up) for level in shown]
    parts += [_line(line, across, up) for line in lines]
    parts += names(shown, lines, across, up)
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, title, Markup("").join(parts))


def _level(level: Level, up: Axis) -> Markup:
    return Markup('<g class="level c-{0}"><line x1="{1}" x2="{2}" y1="{3}" y2="{3}"/></g>').format(
        level.key, LEFT, WIDTH - RIGHT, y_of(up, level.y)
    )


def _band(band: Band, across: Axis, up: Axis) -> Markup:
    edges = [
        *((x, high) for x, _, high in band.points),
        *((x, low) for x, low, _ in band.points[::-1]),
    ]
    path = " ".join(f"{x_of(across, x)},{y_of(up, min(max(y, up.low), up.high))}" for x, y in edges)
    return Markup('<g class="band c-{}"><polygon points="{}"/></g>').format(band.key, path)


def _line(line: Line, across: Axis, up: Axis) -> Markup:
    inside = [
        (x, y, said)
        for (x, y), said in zip(line.points, line.said, strict=True)
        if up.low <= y <= up.high
    ]
    path = " ".join(f"{x_of(across, x)},{y_of(up, y)}" for x, y, _ in inside)
    dash = _DASHES.get(line.key, "")
    dashed = Markup(' stroke-dasharray="{}"').format(dash) if dash else Markup("")
    points = Markup("").join(
        Markup('<circle class="hit" cx="{0}" cy="{1}" r="11" data-t="{2}"/>'
               '<circle class="dot" cx="{0}" cy="{1}" r="3"/>').format(
            x_of(across, x), y_of(up, y), said
        )
        for x, y, said in inside
    )  # fmt: skip
    kind = f"{line.key} fine" if line.fine else line.key
    return Markup('<g class="line c-{}"><polyline points="{}"{}/>{}</g>').format(
        kind, path, dashed, points
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
