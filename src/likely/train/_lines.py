"""TOML files: read with one sentence for what is wrong, and the line that a problem is on."""

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from likely.core.errors import BadInput, did_you_mean

_TABLE = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_FIELD = re.compile(r"(?:There is no field ')?([\w.-]+)")


def read_toml(path: Path, what: str, give: str, instead: str) -> tuple[str, dict[str, Any]]:
    """Read a TOML file.

    Args:
        path: the file.
        what: it should be, for the message.
        give: what to give where there is no such file.
        instead: what to give where it is no TOML.

    Returns:
        The text, for `with_lines`, and what stands in it.

    Raises:
        BadInput: the file is not there or is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except OSError as problem:
        there = path.parent.glob("*.toml") if path.parent.is_dir() else ()
        raise BadInput(
            f"{path}: this {what} cannot be read: {problem.strerror}. Give {give}."
            f"{did_you_mean(path.name, (one.name for one in there))}"
        ) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadInput(f"{path}: this is no TOML: {problem}. Give {instead}") from problem


def with_lines(problems: Sequence[str], text: str) -> list[str]:
    r"""Problems with the line that each is on, in the order of the file.

    Args:
        problems: sentences that begin with a field, such as ``optimizer.lr=-1 should …``.
        text: the TOML file.

    Returns:
        The same sentences; those whose field stands in the file begin with its line.

    Example:
        >>> with_lines(["optimizer.lr=-1 should be more than 0."], "[optimizer]\nlr = -1\n")
        ['line 2: optimizer.lr=-1 should be more than 0.']
    """
    lines = _lines(text)
    found = []
    for problem in problems:
        name = match[1].strip(".") if (match := _FIELD.match(problem)) else ""
        while name and name not in lines:
            name = name.rpartition(".")[0]
        found.append((lines.get(name, 0), problem))
    found.sort(key=lambda pair: pair[0])
    return [f"line {line}: {problem}" if line else problem for line, problem in found]


def _lines(text: str) -> dict[str, int]:
    """Dotted key → the line where it is first given; tables in a list have a number, from 1."""
    found: dict[str, int] = {}
    several: Counter[str] = Counter()
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            name = _plain(header[1])
            found.setdefault(name, number)
            if line.lstrip().startswith("[["):
                several[name] += 1
                name = f"{name}.{several[name]}"
                found[name] = number
            table = f"{name}."
        elif key := _KEY.match(line):
            found.setdefault(f"{table}{_plain(key[1])}", number)
    return found


def _plain(key: str) -> str:
    return re.sub(r"""\s*\.\s*""", ".", key).replace('"', "").replace("'", "")
