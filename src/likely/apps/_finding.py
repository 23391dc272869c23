"""One thing that `likely doctor` looked at, and what it found."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["good", "caution", "broken", "note"]

MARKS: dict[State, str] = {"good": "✓", "caution": "!", "broken": "✗", "note": "·"}
COLOURS: dict[State, str] = {"good": "green", "caution": "yellow", "broken": "red", "note": "dim"}


@dataclass(frozen=True)
class Finding:
    """What was found about one thing.

    Args:
        name: what was looked at.
        state: `good`, `caution` (works, but could be better), `broken` (nothing works before it is
            repaired) or `note` (neither good nor bad).
        says: what was found, in a few words; neither names of users and machines nor full paths.
        remedy: what to do about it, as a command or half a sentence.
        values: numbers and versions for `--json`.
    """

    name: str
    state: State
    says: str
    remedy: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        row = {"name": self.name, "state": self.state, "says": self.says}
        return {**row, **({"remedy": self.remedy} if self.remedy else {}), **self.values}


def reason(problem: BaseException) -> str:
    """The first line of an error, without folders: it is pasted into bug reports.

    Args:
        problem: what was raised.

    Returns:
        Its type and what it said.

    Example:
        >>> reason(OSError("/home/me/lib/libgomp.so: cannot open shared object file"))
        'OSError: libgomp.so: cannot open shared object file'
    """
    line = (str(problem).splitlines() or [""])[0]
    bare = re.sub(r"(?:[A-Za-z]:)?(?:[\\/][^\\/\s:'\"]+)*[\\/](?=[^\\/\s:'\"]+)", "", line)
    return f"{type(problem).__name__}: {bare}" if bare else type(problem).__name__
