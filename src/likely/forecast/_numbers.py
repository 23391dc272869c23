"""Numbers as people write them in tables: `125m`, `1.3B`, `1,200,000`, `3,14`; and nothing."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

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
    return isinstance(value, float) and math.isnan(value)


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
        power = round(np.log10(SCALES[ended[2]]))
        return float(f"{ended[1]}e{power}") if "e" not in ended[1] else float(ended[1]) * 10**power
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
        return np.asarray(values, np.float64)
    cells = values.tolist() if isinstance(values, np.ndarray) else list(values)
    known = {cell: number(cell) for cell in dict.fromkeys(cells)}
    return np.fromiter((known[cell] for cell in cells), np.float64, len(cells))


def missing(values: Shaped[np.ndarray, "R"]) -> Bool[np.ndarray, "R"]:
    """Where a column holds nothing."""
    if values.dtype == np.float64:
        return np.asarray(np.isnan(values))
    return np.array([is_missing(cell) for cell in values.tolist()], np.bool_)


def codes_of(values: Shaped[np.ndarray, "R"]) -> Int[np.ndarray, "R"]:
    """One whole number for each value that a column holds; all missing numbers are alike."""
    if values.dtype != object:
        return np.asarray(np.unique(values, return_inverse=True)[1], np.int64)
    cells = list(map(str, values.tolist()))
    known = {cell: code for code, cell in enumerate(dict.fromkeys(cells))}
    return np.fromiter((known[cell] for cell in cells), np.int64, len(cells))


def column(cells: Iterable[Any], *, comma: bool = False) -> Shaped[np.ndarray, "R"]:
    """A column as it is kept: float64 where every cell holds a plain number or nothing, else text.

    Args:
        cells: as they were read.
        comma: whether `3,14` is a number.

    Returns:
        `[R]`.
    """
    kept = list(cells)
    if not comma:
        try:  # Most columns hold numbers and holes alone, and then a cell need not be looked at.
            fast = [float("nan") if cell is None or cell == "" else float(cell) for cell in kept]
            return np.array(fast, np.float64)
        except (TypeError, ValueError):
            pass
    found = np.empty(len(kept), np.float64)
    for place, cell in enumerate(kept):
        if is_missing(cell):
            found[place] = np.nan
            continue
        try:
            text = cell.replace(",", ".") if comma and isinstance(cell, str) else cell
            found[place] = float(text)
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


_SIZE = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?[kmb])(?![a-z0-9])")


def size_in(text: Any) -> float:
    """The first size that stands in a name, NaN where there is none.

    Args:
        text: such as the name of a run.

    Returns:
        A number.

    Example:
        >>> size_in("ladder-190M-2xC"), size_in("base")
        (190000000.0, nan)
    """
    found = _SIZE.search(str(text).casefold())
    return number(found[1]) if found else float("nan")


def sizes(values: Any) -> bool:
    """Whether every text of a column has a size in it."""
    if not isinstance(values, np.ndarray) or values.dtype != object or not len(values):
        return False
    # The first says no in most cases.
    return size_in(values[0]) == size_in(values[0]) and not any(
        np.isnan(size_in(text)) for text in set(map(str, values))
    )


def lines(rows: Sequence[str], most: int = 5) -> str:
    """Places of rows, the name of a file that holds all of them said once.

    Args:
        rows: places.
        most: how many to name.

    Returns:
        For the end of a sentence.

    Example:
        >>> lines(["a.csv, line 2", "a.csv, line 7 (0)"]), lines(["a.csv, line 2", "b.csv, row 7"])
        ('a.csv, lines 2, 7 (0)', 'a.csv, line 2; b.csv, row 7')
    """
    parts = [re.fullmatch(r"(.*, (?:line|row)) (\d+.*)", row) for row in rows[:most]]
    more = f" and {len(rows) - most:,} more" if len(rows) > most else ""
    if len(rows) > 1 and all(part and parts[0] and part[1] == parts[0][1] for part in parts):
        numbered = ", ".join(part[2] for part in parts if part)
        return f"{parts[0][1] if parts[0] else ''}s {numbered}{more}"
    return "; ".join(rows[:most]) + more


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
