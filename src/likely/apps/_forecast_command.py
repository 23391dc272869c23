"""A command as it would be typed again."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from inspect import Parameter, signature
from typing import Any


def command_of(words: Sequence[str], command: Callable[..., Any], given: Mapping[str, Any]) -> str:
    """What was typed, as far as it differs from what would be so anyway.

    Args:
        words: of the command, with what stands by position.
        command: the function behind it.
        given: option → value.

    Returns:
        A line for a shell.
    """
    said = list(words)
    for name, parameter in signature(command).parameters.items():
        if parameter.kind is Parameter.KEYWORD_ONLY and name in given:
            said += _option(name, given[name], parameter.default)
    return " ".join(_quoted(word) for word in said)


def _quoted(word: str) -> str:
    """A word for a shell; in double quotes where single ones would be hard to read."""
    if "'" in word and not set('"$`\\!') & set(word):
        return f'"{word}"'
    return shlex.quote(word)


def _option(name: str, value: Any, default: Any) -> list[str]:
    if is_dataclass(value):
        return [
            word
            for one in fields(value)
            for word in _option(one.name, getattr(value, one.name), one.default)
        ]
    if value == default:
        return []
    flag = f"--{name.replace('_', '-')}"
    if value is True:
        return [flag]
    return [flag, *(map(str, value) if isinstance(value, tuple) else [str(value)])]
