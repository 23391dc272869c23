"""Axes of a chart: ranges, round numbers, and where values lie in the picture."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 30, 44


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


def x_of(axis: Axis, value: float | int) -> float:
    """Pixels from the left.

    Args:
        axis: the horizontal one.
        value: what to place.

    Returns:
        A tenth of a pixel is exact enough.
    """
    return round(LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT), 1)


def y_of(axis: Axis, value: float | int) -> float:
    """Pixels from the top.

    Args:
        axis: the vertical one.
        value: what to place.

    Returns:
        A tenth of a pixel is exact enough.
    """
    return round(HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - TOP - BOTTOM), 1)


def grid(
    across: Axis,
    up: Axis,
    x_text: Callable[[float], str],
    y_text: Callable[[float], str],
    x_label: str,
    y_label: str,
) -> Markup:
    """Lines and numbers of both axes.

    Args:
        across: the horizontal axis.
        up: the vertical axis.
        x_text: how its numbers are written.
        y_text: the same.
        x_label: below the picture.
        y_label: above the vertical axis.

    Returns:
        SVG elements.
    """
    rows = [
        Markup('<line class="grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(
            LEFT, WIDTH - RIGHT, y_of(up, tick)
        )
        + Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>').format(
            LEFT - 7, y_of(up, tick) + 4, y_text(tick)
        )
        for tick in up.ticks
    ]
    columns = [
        Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>').format(
            x_of(across, tick), HEIGHT - BOTTOM + 18, x_text(tick)
        )
        for tick in across.ticks
    ]
    words = Markup(
        '<text class="axis" x="{}" y="{}" text-anchor="end">{}</text>'
        '<text class="axis" x="{}" y="{}">{}</text>'
    ).format(WIDTH - RIGHT, HEIGHT - 6, x_label, 2, 12, y_label)
    return Markup("").join([*rows, *columns, words])
