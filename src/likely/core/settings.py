"""Settings of an entry: its keyword-only parameters, checked by their annotations alone."""

import ast
import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt

from likely.core.errors import BadSetting, did_you_mean


def settings_of(entry: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters of an entry.

    Args:
        entry: a function of a room.

    Returns:
        Name → parameter, in order.
    """
    parameters = inspect.signature(entry).parameters
    return {k: p for k, p in parameters.items() if p.kind is p.KEYWORD_ONLY}


def parse(text: str) -> tuple[str, dict[str, Any]]:
    """Split ``"focal(gamma=2)"`` into a name and settings.

    Args:
        text: a name, or a name with keyword settings in round brackets; values are literals.

    Returns:
        The name and the settings.

    Raises:
        BadSetting: the text has another form.

    Example:
        >>> parse("focal(gamma=2)")
        ('focal', {'gamma': 2})
    """
    form = "Write a name, or a name with settings: 'focal' or 'focal(gamma=2)'."
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as problem:
        raise BadSetting(repr(text), [f"This cannot be read. {form}"]) from problem
    if isinstance(node, ast.Name):
        return node.id, {}
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise BadSetting(repr(text), [f"This is no name with settings. {form}"])
    if node.args:
        raise BadSetting(repr(text), [f"Every setting needs its name. {form}"])
    settings = {}
    for keyword in node.keywords:
        try:
            if keyword.arg is None:
                raise ValueError
            settings[keyword.arg] = ast.literal_eval(keyword.value)
        except ValueError as problem:
            what = ast.unparse(keyword.value)
            raise BadSetting(
                repr(text), [f"{keyword.arg or '**'}={what} is no plain value. {form}"]
            ) from problem
    return node.func.id, settings


def check(
    where: str, entry: Callable[..., Any], given: Mapping[str, Any], *, complete: bool = True
) -> dict[str, Any]:
    """Settings with their defaults filled in, every one of the declared type and range.

    Args:
        where: what the settings belong to, for the message.
        entry: the function that declares them.
        given: name → value.
        complete: whether settings without default must be given.

    Returns:
        All settings, in the order of the signature.

    Raises:
        BadSetting: unknown names, missing ones, wrong types, values out of range, all at once.
    """
    declared, problems, values = settings_of(entry), [], {}
    for name in given:
        if name not in declared:
            has = ", ".join(declared) or "no settings"
            problems.append(
                f"There is no setting {name!r}.{did_you_mean(name, declared)} It has: {has}."
            )
    for name, parameter in declared.items():
        if name in given:
            try:
                values[name] = fit(given[name], parameter.annotation)
            except ValueError as problem:
                problems.append(f"{name}={given[name]!r} {problem}.")
        elif parameter.default is not parameter.empty:
            values[name] = parameter.default
        elif complete:
            problems.append(f"The setting {name!r} must be given.")
    if problems:
        raise BadSetting(where, problems)
    return values


def fit(value: Any, kind: Any) -> Any:
    """A value as the annotation wants it.

    Args:
        value: what was given.
        kind: an annotation: plain types, unions, literals, `Annotated` bounds.

    Returns:
        The value; an int where a float is wanted becomes one.

    Raises:
        ValueError: with the end of a sentence that begins with the setting.
    """
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *bounds = get_args(kind)
        value = fit(value, inner)
        for bound in bounds:
            _within(value, bound)
        return value
    if origin is Literal:
        choices = get_args(kind)
        if value not in choices:
            near = did_you_mean(str(value), map(str, choices))
            raise ValueError(f"is none of {', '.join(map(repr, choices))}{near.rstrip('?')}")
        return value
    if origin in (typing.Union, types.UnionType):
        return _fit_any(value, get_args(kind))
    if origin in (tuple, list):
        return _fit_many(value, kind)
    return _fit_plain(value, kind)


def _fit_any(value: Any, kinds: tuple[Any, ...]) -> Any:
    said = []
    for kind in kinds:
        try:
            return fit(value, kind)
        except ValueError as problem:
            said.append(str(problem))
    raise ValueError(" and ".join(dict.fromkeys(said)))


def _fit_many(value: Any, kind: Any) -> Any:
    inner = get_args(kind)[0]
    if not isinstance(value, list | tuple):
        raise ValueError(f"should be a list, and it is a {type(value).__name__}")
    items = [fit(item, inner) for item in value]
    return tuple(items) if get_origin(kind) is tuple else items


def _fit_plain(value: Any, kind: Any) -> Any:
    if kind is Any or kind is inspect.Parameter.empty:
        return value
    if kind is None or kind is type(None):
        if value is not None:
            raise ValueError("is not None")
        return None
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    wrong_bool = isinstance(value, bool) and kind is not bool
    if isinstance(kind, type) and (wrong_bool or not isinstance(value, kind)):
        words = {float: "a number", int: "a whole number", str: "text", bool: "True or False"}
        wanted = words.get(kind, f"a {kind.__name__}")
        raise ValueError(f"should be {wanted}, and it is of type {type(value).__name__}")
    if isinstance(value, float) and math.isnan(value):
        raise ValueError("is not a number")
    return value


def _within(value: Any, bound: Any) -> None:
    """Raise where a number lies outside a bound of `annotated_types`."""
    if isinstance(bound, GroupedMetadata):
        for part in bound:
            _within(value, part)
    elif value is None:
        return
    elif isinstance(bound, Ge) and not value >= bound.ge:
        raise ValueError(f"should be at least {bound.ge}")
    elif isinstance(bound, Gt) and not value > bound.gt:
        raise ValueError(f"should be more than {bound.gt}")
    elif isinstance(bound, Le) and not value <= bound.le:
        raise ValueError(f"should be at most {bound.le}")
    elif isinstance(bound, Lt) and not value < bound.lt:
        raise ValueError(f"should be less than {bound.lt}")
