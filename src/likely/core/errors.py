"""Every exception the package raises on purpose, as one tree.

Each message says what was wrong, what was given, what to do, and the near miss where there is one.
"""

import difflib
from collections.abc import Iterable, Sequence


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'focal'?`` or nothing, for the end of a sentence.

    Capitals, hyphens, underscores and spaces do not count, and the beginning of a name is near it.

    Args:
        name: what was typed.
        known: what could have been meant.

    Returns:
        A sentence that starts with a space, or the empty string.

    Example:
        >>> did_you_mean("focl", ["focal", "emo"])
        " Did you mean 'focal'?"
        >>> did_you_mean("CrossEntropy", ["cross_entropy", "entropy"])
        " Did you mean 'cross_entropy'?"
    """
    plain = _plain(name)
    names = {one: _plain(one) for one in sorted(map(str, known))}
    near = [one for one, spelled in names.items() if spelled == plain and plain]
    if not near:
        close = difflib.get_close_matches(plain, list(dict.fromkeys(names.values())), n=2)
        near = [one for spelled in close for one in names if names[one] == spelled][:2]
    if not near and len(plain) > 2:
        near = [one for one, spelled in names.items() if spelled.startswith(plain)][:2]
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def _plain(name: str) -> str:
    """A name without what people write in several ways."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def first_line(problem: BaseException) -> str:
    r"""What an error of somebody else's said first, for the middle of a sentence.

    Args:
        problem: what was raised.

    Returns:
        Its first line without a full stop; its type where it said nothing.

    Example:
        >>> first_line(OSError("no such host.\nTraceback: ...")), first_line(KeyError())
        ('no such host', 'KeyError')
    """
    return str(problem).strip().partition("\n")[0].rstrip(".") or type(problem).__name__


class LikelyError(Exception):
    """Base of all errors raised on purpose."""


class UnknownName(LikelyError, LookupError):
    """A name that no room has."""

    def __init__(self, kind: str, name: str, known: Iterable[str], remedy: str = "") -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        have = ", ".join(self.known) or "none"
        message = f"No {kind} is called {name!r}.{did_you_mean(name, self.known)} Known: {have}."
        super().__init__(f"{message} {remedy}".rstrip())


class NotMeasured(LikelyError, LookupError):
    """A statistic that was read but never asked for, or that nothing here could measure."""

    def __init__(self, name: str, have: Iterable[str], remedy: str = "") -> None:
        names = sorted(have)
        remedy = remedy or f"Ask for it: scan(..., want={{{name!r}}})."
        super().__init__(
            f"{name!r} was not measured (there are: {', '.join(names) or 'none'})."
            f"{did_you_mean(name, names)} {remedy}"
        )


class BadSetting(LikelyError, ValueError):
    """One or more settings that cannot be used; all of them are named at once."""

    def __init__(self, where: str, problems: Sequence[str]) -> None:
        self.where, self.problems = where, tuple(problems)
        if len(self.problems) == 1:
            message = f"{where}: {self.problems[0]}"
        else:
            message = f"{where}: {len(self.problems)} settings are wrong."
            message += "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(message)


class ShapeError(LikelyError, ValueError, RuntimeError):
    """Tensors that do not fit together; torch's own word for it, RuntimeError, catches it too."""


class BadInput(LikelyError, ValueError):
    """A file or a text that cannot be read as what it was said to be."""


class Unsupported(LikelyError, NotImplementedError):
    """A combination that makes sense but that this backend, model or machine cannot do."""
