"""Numbers as people write them in tables: `125m`, `1.3B`, `1,200,000`, `3,14`, and nothing at all."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "none", "null", "nil", "-", "--", "?"})
"""What stands in a table where nothing was measured, in small letters."""
SCALES = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12} | {
    "thousand": 1e3,
    "million": 1e6,
    "bn": 1e9,
    "billion": 1e9,
    "trillion": 1e12,
}
"""Endings of numbers, in small letters."""
_ENDED = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*([a-z]+)")
_GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing."""
    if value is None:
        return True
    if isinstance(value, str):
        return value.strip().casefold() in MISSING
    return isinstance(value, float) and value != value


def number(value: Any) -> float:
    """A cell as a number; NaN where it is none.

    Args:
        value: a number, or text such as `125m` or `1,200,000`.

    Returns:
        The number.

    Example:
        >>> [number(one) for one in ("1.3B", "125m", "1,200,000", "2e9", "base")]
        [1300000000.0, 125000000.0, 1200000.0, 2000000000.0, nan]
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    text = str(value).strip().casefold()
    ended = _ENDED.fullmatch(text)
    if ended and ended[2] in SCALES:
        # 1.3 · 1e9 would be 1300000000.0000002 in some cases; digits are put together as text.
        return float(f"{ended[1]}e{round(np.log10(SCALES[ended[2]]))}" if "e" not in ended[1] else
                     float(ended[1]) * SCALES[ended[2]])
    if _GROUPED.fullmatch(text):
        return float(text.replace(",", ""))
    return float("nan")


def numbers(values: Sequence[Any] | Shaped[np.ndarray, "R"]) -> Float[np.ndarray, "R"]:
    """A column as numbers; NaN where a cell holds none.

    Args:
        values: cells, or a column that holds numbers already.

    Returns:
        float64, `[R]`.
    """
    if isinstance(values, np.ndarray) and values.dtype == np.float64:
        return values
    return np.fromiter((number(value) for value in values), np.float64, len(values))


def column(cells: Iterable[Any], *, comma: bool = False) -> Shaped[np.ndarray, "R"]:
    """A column as it is kept: float64 where every cell holds a plain number or nothing, else text.

    Args:
        cells: as they were read.
        comma: whether `3,14` is a number.

    Returns:
        `[R]`.
    """
    kept = list(cells)
    found = np.empty(len(kept), np.float64)
    for place, cell in enumerate(kept):
        if is_missing(cell):
            found[place] = np.nan
            continue
        try:
            found[place] = float(cell.replace(",", ".") if comma and isinstance(cell, str) else cell)
        except (TypeError, ValueError):
            return texts(kept)
    return found


def texts(cells: Sequence[Any]) -> Shaped[np.ndarray, "R"]:
    """A column of text; what is missing is empty.

    Args:
        cells: as they were read.

    Returns:
        Objects, `[R]`.
    """
    held = np.empty(len(cells), object)
    held[:] = ["" if is_missing(cell) else str(cell).strip() for cell in cells]
    return held


def places(names: Sequence[Any], most: int = 5) -> str:
    """The first few of a list, and how many more there are.

    Args:
        names: what to list.
        most: how many to name.

    Returns:
        For the middle of a sentence.

    Example:
        >>> places(["a", "b", "c"], 2)
        'a, b and 1 more'
    """
    shown = ", ".join(map(str, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
