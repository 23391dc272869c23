"""One value and the annotation it has to fit: the value as wanted, or what is wrong in words."""

import inspect
import math
import numbers
import types
import typing
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from likely.core.errors import did_you_mean
from likely.core.words import called, in_range, shown, single_bounds, wanted


def fit(value: Any, kind: Any) -> Any:
    """A value as the annotation wants it.

    Args:
        value: what was given.
        kind: an annotation: plain types, unions, literals, lists, tuples, `Annotated` bounds.

    Returns:
        The value; an int where a float is wanted becomes one, a list where a tuple is.

    Raises:
        ValueError: with the end of a sentence that begins with the setting.

    Example:
        >>> fit(2, float), fit([1, 2], tuple[int, ...]), fit(None, float | None)
        (2.0, (1, 2), None)
    """
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *bounds = get_args(kind)
        value = fit(value, inner)
        if value is not None and not all(_holds(value, bound) for bound in single_bounds(bounds)):
            raise ValueError(f"should be {in_range(bounds) or wanted(kind)}")
        return value
    if origin is Literal:
        return _fit_literal(value, kind)
    if origin in (typing.Union, types.UnionType):
        return _fit_any(value, kind)
    if origin in (tuple, list):
        return _fit_many(value, kind)
    return _fit_plain(value, kind)


def _fit_literal(value: Any, kind: Any) -> Any:
    for choice in get_args(kind):
        if type(choice) is type(value) and choice == value:
            return value
    choices = [str(choice) for choice in get_args(kind)]
    near = did_you_mean(value, choices) if isinstance(value, str) else ""
    raise ValueError(f"should be {wanted(kind)}{'.' if near else ''}{near}")


def _fit_any(value: Any, kind: Any) -> Any:
    said = []
    for one in get_args(kind):
        try:
            return fit(value, one)
        except ValueError as problem:
            said.append(str(problem))
    # A value of the right type outside its bounds is told of the bounds, not of the other types.
    near = [text for text in said if "not " not in text]
    raise ValueError(
        near[0] if len(near) == 1 else f"should be {wanted(kind)}, not {called(value)}"
    )


def _fit_many(value: Any, kind: Any) -> Any:
    inside = get_args(kind)
    if not isinstance(value, list | tuple):
        raise ValueError(f"should be {wanted(kind)}, not {called(value)}")
    several = get_origin(kind) is list or inside[-1] is Ellipsis
    if not several and len(value) != len(inside):
        raise ValueError(f"should be {wanted(kind)}, and it has {len(value)}")
    kinds = [inside[0]] * len(value) if several else inside
    items = []
    for place, (item, one) in enumerate(zip(value, kinds, strict=True), start=1):
        try:
            items.append(fit(item, one))
        except ValueError as problem:
            raise ValueError(f"is wrong at item {place}: {shown(item)} {problem}") from problem
    return tuple(items) if get_origin(kind) is tuple else items


def _fit_plain(value: Any, kind: Any) -> Any:
    if kind is Any or kind is inspect.Parameter.empty:
        return value
    if kind is None or kind is type(None):
        if value is not None:
            raise ValueError(f"should be None, not {called(value)}")
        return None
    if kind in (int, float) and not isinstance(value, bool):
        value = _number(value, kind)
    wrong_bool = isinstance(value, bool) and kind is not bool
    if isinstance(kind, type) and (wrong_bool or not isinstance(value, kind)):
        is_fraction = kind is int and type(value) is float
        what = "one with a point" if is_fraction else called(value)
        raise ValueError(f"should be {wanted(kind)}, not {what}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("should be a finite number")
    return value


def _number(value: Any, kind: Any) -> Any:
    """Numbers of numpy and fractions too, as Python's own."""
    if isinstance(value, numbers.Integral):
        value = int(value)
    elif kind is float and isinstance(value, numbers.Real):
        value = float(value)
    if kind is float and isinstance(value, int):
        return float(value) if abs(value) < 10**300 else math.inf
    return value


def _holds(value: Any, bound: Any) -> bool:
    """Whether a value lies within a bound of `annotated_types`; other marks say nothing."""
    if isinstance(bound, Ge):
        return bool(value >= bound.ge)
    if isinstance(bound, Gt):
        return bool(value > bound.gt)
    if isinstance(bound, Le):
        return bool(value <= bound.le)
    return bool(value < bound.lt) if isinstance(bound, Lt) else True
