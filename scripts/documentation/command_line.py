"""`likely --help` and the help of every command, as a page; the same on every terminal."""

from io import StringIO

from rich.console import Console

from likely.apps.cli import app
from scripts.documentation.reference import NOTE

WIDTH = 96


def page() -> str:
    """The help of everything.

    Returns:
        The text of `cli.md`.
    """
    names = [name for name in app if not name.startswith("-")]
    parts = ["# Command line", NOTE.replace("the docstrings", "the commands")]
    parts += [
        "Every command takes `--help`. It ends with 0 for success, 2 for a mistake of yours (one "
        "sentence says which) and 130 for Ctrl-C; with `--json`, results are JSON on standard "
        "output. Messages and progress go to standard error.",
        f"```text\n{help_of()}\n```",
    ]
    parts += [f"## likely {name}\n\n```text\n{help_of(name)}\n```" for name in sorted(names)]
    return "\n\n".join(parts) + "\n"


def help_of(*command: str) -> str:
    """What `--help` prints, at a fixed width and without colours.

    Args:
        command: names of a command; none for the top.

    Returns:
        The text, without blanks at the ends of lines.
    """
    said = StringIO()
    console = Console(
        file=said, width=WIDTH, color_system=None, force_terminal=False, legacy_windows=False
    )
    app.help_print(list(command), console=console)
    return "\n".join(line.rstrip() for line in said.getvalue().strip().splitlines())
