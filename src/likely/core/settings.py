"""Settings of an entry: its keyword-only parameters, checked by their annotations alone."""

import ast
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from likely.core.errors import BadSetting, did_you_mean
from likely.core.fit import fit
from likely.core.words import told, wanted

__all__ = ["check", "checked", "fit", "parse", "settings_of"]


def settings_of(entry: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters of an entry.

    Args:
        entry: a function of a room.

    Returns:
        Name → parameter, in order.
    """
    try:
        parameters = inspect.signature(entry, eval_str=True).parameters
    except NameError:  # Written as text, with names that only a type checker imports.
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
    hyphened = re.match(r"\s*(\w+(?:-\w+)+)\s*(\(|$)", text)
    if hyphened:  # No entry has such a name, and whoever looks it up says which one was meant.
        return hyphened[1], {}
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
            has = f"It has: {', '.join(declared)}." if declared else "It takes no settings."
            problems.append(f"There is no setting {name!r}.{did_you_mean(name, declared)} {has}")
    for name, parameter in declared.items():
        if name in given:
            try:
                values[name] = fit(given[name], parameter.annotation)
            except ValueError as problem:
                problems.append(told(name, given[name], problem))
        elif parameter.default is not parameter.empty:
            values[name] = parameter.default
        elif complete:
            problems.append(f"The setting {name!r} must be given: {wanted(parameter.annotation)}.")
    if problems:
        raise BadSetting(where, problems)
    return values


def checked(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a function that is called directly was given by keyword, checked like an entry's.

    Write `checked(split, locals())` as the first line of `split`: a wrong type or a value outside
    the bounds of its annotation is then told in a sentence, before anything is done.

    Args:
        function: the one that was called.
        given: its arguments by name; those by position are not looked at.

    Returns:
        The settings, each of its declared type.

    Raises:
        BadSetting: wrong types, values out of range, all at once.

    Example:
        >>> def cut(text: str, *, places: int) -> str:
        ...     checked(cut, locals())
        ...     return text[:places]
        >>> cut("likely", places="two")
        Traceback (most recent call last):
        likely.core.errors.BadSetting: cut: places='two' should be a whole number, not text.
    """
    settings = {name: given[name] for name in settings_of(function) if name in given}
    return check(function.__name__, function, settings)
