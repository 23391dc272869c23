"""What the command line could not understand, in words of ours."""

from typing import get_args

from cyclopts import CoercionError, CycloptsError, MissingArgumentError, UnusedCliTokensError

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
