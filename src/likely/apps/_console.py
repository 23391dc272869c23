"""Where commands print: results to standard output, everything else to standard error."""

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def is_first() -> bool:
    """Whether this process speaks: the first one of those that a launcher started together."""
    return os.environ.get("RANK", "0") == "0"


def program() -> str:
    """What starts this program: `likely` where the shell finds it, else the path of its file."""
    own = Path(sys.executable).with_name("likely")
    found = shutil.which("likely")
    if not own.exists() or (found is not None and Path(found).samefile(own)):
        return "likely"
    below = own.is_relative_to(Path.cwd())
    return str(own.relative_to(Path.cwd()) if below else own)


def results() -> Console:
    """Standard output; wide enough for tables where it is no terminal."""
    console = Console(highlight=False, markup=False, soft_wrap=True, quiet=not is_first())
    if not console.is_terminal:
        console.width = 160
    return console


def messages() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True, quiet=not is_first())


def print_json(value: Any) -> None:
    """Write JSON to standard output.

    Args:
        value: plain values.
    """
    results().print(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


def table(header: list[str], rows: list[list[str]], *, title: str | None = None) -> Table:
    """A table whose first column is text and whose others are numbers.

    Args:
        header: names of the columns.
        rows: what stands in them.
        title: above it.

    Returns:
        Something that a console prints.
    """
    from rich.box import SIMPLE_HEAD

    made = Table(title=title, box=SIMPLE_HEAD, title_justify="left", title_style="bold")
    for i, name in enumerate(header):
        made.add_column(name, justify="right" if i else "left", no_wrap=not i)
    for row in rows:
        made.add_row(*row)
    return made


def tell_skipped(skipped: Sequence[str], kept: int, most: int = 5) -> None:
    """Say on standard error what a reading passed over: how many, and the first few.

    Args:
        skipped: one line each.
        kept: how many documents were read.
        most: lines to print at most.
    """
    if not skipped:
        return
    console = messages()
    console.print(f"Skipped {len(skipped):,} of {len(skipped) + kept:,} documents or files:")
    for line in skipped[:most]:
        console.print(f"  {line}", style="dim")
    if len(skipped) > most:
        console.print(f"  … and {len(skipped) - most:,} more.", style="dim")


class Clock:
    """Lines that say what is being done, with the time since the start.

    Args:
        console: where they go.
    """

    def __init__(self, console: Console) -> None:
        self.console, self.begin = console, time.perf_counter()

    def say(self, text: str) -> None:
        """Print one line.

        Args:
            text: what is being done.
        """
        minutes, seconds = divmod(int(time.perf_counter() - self.begin), 60)
        self.console.print(f"[{minutes:2d}:{seconds:02d}] {text}")
