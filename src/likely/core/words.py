"""Values and annotations in words, for messages."""

import math
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import GroupedMetadata

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
        >>> from annotated_types import Ge
        >>> wanted(Annotated[int, Ge(1)] | None), wanted(Literal["a", "b"])
        ('a whole number at least 1 or None', "'a' or 'b'")
    """
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return f"{wanted(inside[0])} {in_range(inside[1:])}".rstrip()
    if origin is Literal:
        return _listed(map(repr, inside))
    if origin in (typing.Union, types.UnionType):
        return _listed(dict.fromkeys(map(wanted, inside)))
    if origin in (tuple, list):
        if origin is list or inside[-1] is Ellipsis:
            return f"a list, each item {wanted(inside[0])}"
        return f"a list of {len(inside)}: {', '.join(map(wanted, inside))}"
    return _WORDS.get(kind, f"a {getattr(kind, '__name__', 'value of its kind')}")


def called(value: Any) -> str:
    """What a value is, after "not".

    Args:
        value: anything.

    Returns:
        `text`, `a list`, `None` …

    Example:
        >>> called("much"), called(None)
        ('text', 'None')
    """
    if value is None or isinstance(value, bool):
        return repr(value)
    return _WORDS.get(type(value)) or _named(value)


def in_range(bounds: Iterable[Any]) -> str:
    """Bounds in words; that a number is finite goes without saying.

    Args:
        bounds: marks of `annotated_types`.

    Returns:
        `at least 0 and less than 1`; empty where there is none.
    """
    said = []
    for bound in single_bounds(bounds):
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


def single_bounds(bounds: Iterable[Any]) -> list[Any]:
    """Marks of `annotated_types`, with groups such as `Interval` taken apart.

    Args:
        bounds: what an annotation carries.

    Returns:
        One mark a bound.
    """
    return [
        part
        for bound in bounds
        for part in (bound if isinstance(bound, GroupedMetadata) else (bound,))
    ]


def _named(value: Any) -> str:
    name = type(value).__name__
    shape = f" of shape {list(value.shape)}" if hasattr(value, "shape") else ""
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}{shape}"


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
