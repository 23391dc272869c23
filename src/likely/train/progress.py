"""Progress of a run: a bar in a terminal, a line now and then anywhere else."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from likely.models.reader import Reader

Row = Mapping[str, Any]
OnProgress = Callable[[Row], None]
"""Called after every step with its row of metrics and `steps`, and with every evaluation."""
OnStep = Callable[[int, Reader], None]
"""Called after every step with the number of steps taken and the model."""


class Bar:
    """Shows steps, loss, tokens a second and time left; give it to `run` as `progress`.

    Args:
        label: what stands before the bar.
        console: where to; standard error by default.
        every: seconds between lines where the console is no terminal.
    """

    def __init__(
        self, label: str = "train", console: Console | None = None, every: float = 10.0
    ) -> None:
        self.label, self.every = label, every
        self.console = console or Console(stderr=True)
        self._said = self._began = time.monotonic()
        self._first: int | None = None
        self._bits = ""
        self._bar: Progress | None = None
        if self.console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:.0f}/{task.total:.0f} · {task.fields[said]}"),
                TimeRemainingColumn(),
                console=self.console,
            )

    def __enter__(self) -> "Bar":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, row: Row) -> None:
        """Show a row.

        Args:
            row: what `run` passes on.
        """
        if "bits_per_byte" in row:
            self._bits = f" · validation {row['bits_per_byte']:.3f} bits/byte"
            return
        if self._first is None:
            self._first, self._began = row["step"] - 1, time.monotonic()
        said = f"loss {row['loss']:.3f} · {_short(row['tokens_per_second'])} tokens/s{self._bits}"
        if self._bar:
            if not self._bar.tasks:
                done = self._first
                self._bar.add_task(self.label, total=row["steps"], completed=done, said=said)
            self._bar.update(self._bar.task_ids[0], completed=row["step"], said=said)
            return
        now = time.monotonic()
        if now - self._said >= self.every or row["step"] == row["steps"]:
            self._said = now
            pace = (now - self._began) / (row["step"] - self._first)
            left = _clock(pace * (row["steps"] - row["step"]))
            self.console.print(
                f"{self.label} {row['step']}/{row['steps']} · {said} · {left} left",
                highlight=False,
                soft_wrap=True,
            )


def _short(number: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return f"{number:.0f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
