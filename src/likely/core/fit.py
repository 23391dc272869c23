"""One value and the annotation it has to fit: the value as wanted, or what is wrong in words."""

import inspect
import math
import numbers
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt

from likely.core.errors import did_you_mean

_LONGEST = 56
_WORDS: dict[Any, str] = {
    float: "a number",
    int: "a whole number",
    str: "text",
    bool: "True or False",
    dict: "a table",
    list: "a list",
    tuple: "a list",
    None: "None",
    type(None): "None",
}


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
        if value is not None and not all(_holds(value, bound) for bound in _flat(bounds)):
            raise ValueError(f"should be {_range(bounds) or wanted(kind)}")
        return value
    if origin is Literal:
        return _fit_literal(value, kind)
    if origin in (typing.Union, types.UnionType):
        return _fit_any(value, kind)
    if origin in (tuple, list):
        return _fit_many(value, kind)
    return _fit_plain(value, kind)


def told(name: str, value: Any, problem: object) -> str:
    """The whole sentence about one value.

    Args:
        name: of the setting.
        value: what was given.
        problem: what `fit` said.

    Returns:
        A sentence with its full stop, or the question that ends it.

    Example:
        >>> told("gamma", "much", "should be a number, not text")
        "gamma='much' should be a number, not text."
    """
    said = f"{name}={shown(value)} {problem}"
    return said if said.endswith(("?", ".")) else f"{said}."


def shown(value: Any) -> str:
    """A value as a message shows it: on one line, shortened where it is long.

    Args:
        value: anything.

    Returns:
        What a user would recognise.

    Example:
        >>> shown("a" * 100)
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaa…aaaaaaaaaaaaaaaaaaaaaaaaaaa'"
    """
    if not isinstance(value, bool | int | float | str | list | tuple | Mapping | None):
        return f"({_named(value)})"
    line = " ".join(repr(value).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]}…{line[-_LONGEST // 2 :]}"


def wanted(kind: Any) -> str:
    """What an annotation asks for, in words.

    Args:
        kind: the annotation.

    Returns:
        The end of "it should be …".

    Example:
        >>> wanted(Annotated[int, Ge(1)] | None), wanted(Literal["a", "b"])
        ('a whole number at least 1 or None', "'a' or 'b'")
    """
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return f"{wanted(inside[0])} {_range(inside[1:])}".rstrip()
    if origin is Literal:
        return _listed(map(repr, inside))
    if origin in (typing.Union, types.UnionType):
        return _listed(dict.fromkeys(map(wanted, inside)))
    if origin in (tuple, list):
        if origin is list or inside[-1] is Ellipsis:
            return f"a list, each item {wanted(inside[0])}"
        return f"a list of {len(inside)}: {', '.join(map(wanted, inside))}"
    return _WORDS.get(kind, f"a {getattr(kind, '__name__', 'value of its kind')}")


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
        near[0] if len(near) == 1 else f"should be {wanted(kind)}, not {_called(value)}"
    )


def _fit_many(value: Any, kind: Any) -> Any:
    inside = get_args(kind)
    if not isinstance(value, list | tuple):
        raise ValueError(f"should be {wanted(kind)}, not {_called(value)}")
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
            raise ValueError(f"should be None, not {_called(value)}")
        return None
    if kind in (int, float) and not isinstance(value, bool):
        value = _number(value, kind)
    wrong_bool = isinstance(value, bool) and kind is not bool
    if isinstance(kind, type) and (wrong_bool or not isinstance(value, kind)):
        called = "one with a point" if kind is int and type(value) is float else _called(value)
        raise ValueError(f"should be {wanted(kind)}, not {called}")
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


def _called(value: Any) -> str:
    """What a value is, after "not"."""
    if value is None or isinstance(value, bool):
        return repr(value)
    return _WORDS.get(type(value)) or _named(value)


def _named(value: Any) -> str:
    name = type(value).__name__
    shape = f" of shape {list(value.shape)}" if hasattr(value, "shape") else ""
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}{shape}"


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _flat(bounds: Iterable[Any]) -> list[Any]:
    return [
        part
        for bound in bounds
        for part in (bound if isinstance(bound, GroupedMetadata) else (bound,))
    ]


def _holds(value: Any, bound: Any) -> bool:
    """Whether a value lies within a bound of `annotated_types`; other marks say nothing."""
    if isinstance(bound, Ge):
        return bool(value >= bound.ge)
    if isinstance(bound, Gt):
        return bool(value > bound.gt)
    if isinstance(bound, Le):
        return bool(value <= bound.le)
    return bool(value < bound.lt) if isinstance(bound, Lt) else True


def _range(bounds: Iterable[Any]) -> str:
    """Bounds in words; that a number is finite goes without saying."""
    said = []
    for bound in _flat(bounds):
        for mark, words in (
            ("ge", "at least"),
            ("gt", "more than"),
            ("le", "at most"),
            ("lt", "less than"),
        ):
            edge = getattr(bound, mark, None)
            if edge is not None and edge != math.inf:
                said.append(f"{words} {edge}")
    return " and ".join(said)
