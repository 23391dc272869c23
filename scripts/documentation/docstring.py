"""The one docstring form: one line, prose and formula, then named sections."""

import re
from dataclasses import dataclass
from inspect import cleandoc

SECTIONS = ("Args", "Returns", "Yields", "Raises", "Example", "References")


@dataclass(frozen=True)
class Docstring:
    """A docstring in its parts.

    Args:
        line: the first line.
        prose: what stands between it and the sections.
        sections: text of each section by name, without its indentation.
    """

    line: str
    prose: str
    sections: dict[str, str]

    @property
    def arguments(self) -> dict[str, str]:
        """Name → meaning, in order."""
        return dict(items(self.sections.get("Args", "")))


def parse(text: str) -> Docstring:
    """Split a docstring.

    Args:
        text: as written.

    Returns:
        Its parts.
    """
    parts = re.split(rf"^({'|'.join(SECTIONS)}):[ \t]*\n", cleandoc(text), flags=re.MULTILINE)
    line, _, prose = parts[0].partition("\n")
    found = zip(parts[1::2], parts[2::2], strict=True)
    sections = {name: cleandoc("\n" + body).strip("\n") for name, body in found}
    return Docstring(line.strip(), prose.strip("\n"), sections)


def items(section: str) -> list[tuple[str, str]]:
    """The entries of `Args` or `Raises`: a name, a colon, and lines that are indented further.

    Args:
        section: its text.

    Returns:
        Name and meaning of each, the meaning on one line.
    """
    found: list[tuple[str, str]] = []
    for line in section.splitlines():
        name, colon, meaning = line.partition(":")
        if line and not line[0].isspace() and colon:
            found.append((name.strip(), meaning.strip()))
        elif found and line.strip():
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
    return found
