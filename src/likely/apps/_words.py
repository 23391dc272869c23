"""What the command line understands, and what it could not, in words of ours."""

import re
from collections.abc import Sequence
from typing import Any, get_args

from cyclopts import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    Token,
    UnusedCliTokensError,
    convert,
)

_WANTED = {int: "a whole number", float: "a number", bool: "no value"}


def in_words(problem: CycloptsError) -> str:
    """One sentence about words that a command does not take.

    Args:
        problem: what cyclopts raised.

    Returns:
        The sentence, without what to look at.
    """
    command = " ".join(["likely", *(problem.command_chain or ())])
    if isinstance(problem, UnusedCliTokensError) and problem.unused_tokens:
        words = " ".join(problem.unused_tokens)
        return f"{command} does not take {words!r}; text of several words goes in quotes."
    if isinstance(problem, CoercionError) and problem.token is not None:
        kinds = {problem.target_type, *get_args(problem.target_type)}
        wanted = next((words for kind, words in _WANTED.items() if kind in kinds), None)
        if wanted is not None:
            name = problem.token.keyword or (problem.argument.name if problem.argument else "")
            return f"{name} should be {wanted}, not {problem.token.value!r}."
    if isinstance(problem, MissingArgumentError) and problem.argument is not None:
        name = problem.argument.name
        option = name.startswith("-")
        return f"{name} needs a value after it." if option else f"{command} needs {name}."
    return str(problem).strip()


def read(kind: Any, tokens: Sequence[Token]) -> Any:
    """Words as a value; a fraction where a whole number is wanted is refused, not rounded.

    Args:
        kind: the type of the parameter.
        tokens: the words.

    Returns:
        The value.

    Raises:
        ValueError: the words are no whole number and should be.
    """
    if kind is int and not re.fullmatch(r"\s*[+-]?\d+\s*", tokens[0].value):
        raise ValueError(f"{tokens[0].value!r} is no whole number")
    return convert(kind, tokens)
