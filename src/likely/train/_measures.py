"""What a trial returns: finite numbers by name, or one a document."""

import math
import numbers
from collections.abc import Mapping
from typing import Any

from likely.core.errors import LikelyError

Measures = Mapping[str, float | list[float]]


def mean(value: Any) -> float:
    """A measure as one number a seed.

    Args:
        value: a number, or one a document.

    Returns:
        Their mean.
    """
    return sum(value) / len(value) if isinstance(value, list) else float(value)


def plain(found: Any) -> Measures:
    """What a trial returned as plain finite numbers and lists of them.

    Args:
        found: what it returned.

    Returns:
        Measures that JSON can hold.

    Raises:
        LikelyError: it is something else.
    """
    if not isinstance(found, Mapping) or not found:
        raise LikelyError(f"it should return measures by name, not {type(found).__name__}.")
    measures: dict[str, float | list[float]] = {}
    for name, value in found.items():
        values = value.tolist() if hasattr(value, "tolist") else value
        several = isinstance(values, list | tuple)
        numbers_ = [_number(name, one) for one in (values if several else [values])]
        if not numbers_:
            raise LikelyError(f"the measure {name!r} is an empty list; leave it out.")
        measures[str(name)] = numbers_ if several else numbers_[0]
    return measures


def _number(name: str, value: Any) -> float:
    if not isinstance(value, numbers.Real):
        raise LikelyError(f"the measure {name!r} should be a number, not {type(value).__name__}.")
    if not math.isfinite(value):
        raise LikelyError(
            f"the measure {name!r} is {float(value)}, which no mean survives; a trial should "
            "return finite numbers."
        )
    return float(value)
