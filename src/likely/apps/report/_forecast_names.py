"""Names beside dots, where they hide neither each other nor other dots."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from likely.apps.report._forecast_axes import plain
from likely.apps.report._forecast_ink import TOLD

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LETTER, _HIGH, _GAP, _DOT = 0.0135, 0.05, 0.025, 0.014
"""Of the axes: how wide a letter is, how high a name, how far it stands, how large a dot is."""
_SHIFTS = (0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 4.0, -4.0, 6.0, -6.0)


def called(table: Any, rows: Int[np.ndarray, "_"], count: int) -> list[str]:
    """What rows are called: file and line, without the file where all are of one.

    Args:
        table: of runs.
        rows: places in it.
        count: of all its rows.

    Returns:
        One name a place.
    """
    known = getattr(table, "rows", None) or [f"row {i + 1}" for i in range(count)]
    parts = [one.rpartition(", ") for one in known]
    alone = len({file for file, *_ in parts}) == 1
    return [plain(parts[row][2] if alone else known[row], 28) for row in rows]


def name_dots(
    axes: "Axes",
    x: Float[np.ndarray, "R"],
    y: Float[np.ndarray, "R"],
    rows: Int[np.ndarray, "_"],
    names: Sequence[str],
) -> None:
    """Write names of some dots beside them.

    Args:
        axes: with its limits and scale as they will stay.
        x: of all dots.
        y: of all dots.
        rows: the dots to name.
        names: of these.
    """
    dots = np.stack([_shares(axes, "x", x), _shares(axes, "y", y)], 1)
    taken: list[tuple[float, float, float, float]] = []
    for row, name in zip(rows, names, strict=True):
        box, right = _free(dots, int(row), _LETTER * len(name), taken)
        taken.append(box)
        axes.annotate(
            name,
            (x[row], y[row]),
            xytext=(box[1] if right else box[0], (box[2] + box[3]) / 2),
            textcoords="axes fraction",
            ha="right" if right else "left",
            va="center",
            fontsize=8,
            color=TOLD,
            zorder=5,
            arrowprops={"arrowstyle": "-", "color": TOLD, "linewidth": 0.6, "shrinkB": 3},
        )


def _shares(axes: "Axes", which: str, values: Any) -> Any:
    """Places along an axis, from 0 to 1."""
    low, high = getattr(axes, f"get_{which}lim")()
    if getattr(axes, f"get_{which}scale")() == "log":
        low, high, values = np.log(low), np.log(high), np.log(values)
    return (np.asarray(values) - low) / (high - low)


def _free(
    dots: Any, row: int, wide: float, taken: Sequence[tuple[float, float, float, float]]
) -> tuple[tuple[float, float, float, float], bool]:
    """The nearest place that hides least, and whether the name ends there."""
    at, found = dots[row], []
    others = np.delete(dots, row, axis=0)
    for distance, shift in enumerate(_SHIFTS):
        for left_of in (at[0] > 0.5, at[0] <= 0.5):
            start = float(at[0] - _GAP - wide if left_of else at[0] + _GAP)
            middle = float(at[1] + shift * _HIGH)
            box = (start, start + wide, middle - _HIGH / 2, middle + _HIGH / 2)
            hidden = _inside(others, box) + 10 * sum(_meet(box, one) for one in taken)
            if box[0] < 0 or box[1] > 1 or box[2] < 0 or box[3] > 1:
                hidden += 100
            found.append((hidden, distance, box, bool(left_of)))
    _, _, box, left_of = min(found, key=lambda one: one[:2])
    return box, left_of


def _inside(dots: Any, box: tuple[float, float, float, float]) -> int:
    across = (dots[:, 0] > box[0] - _DOT) & (dots[:, 0] < box[1] + _DOT)
    return int((across & (dots[:, 1] > box[2] - _DOT) & (dots[:, 1] < box[3] + _DOT)).sum())


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return bool(a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3])
