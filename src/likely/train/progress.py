"""Progress of a run: a bar in a terminal, a line now and then anywhere else."""

import time
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from likely.models.reader import Reader

Row = Mapping[str, Any]
OnProgress = Callable[[Row], None]
"""Called after every step with its row of metrics and `steps`, and with every evaluation. Once the
final loss can be forecast, rows of steps have the newest forecast too: `forecast`, `forecast_low`,
`forecast_high`, `forecast_of`."""
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
        self._bits, self._bits_per_nat = "", 0.0
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
            self._bits_per_nat = row["bits_per_byte"] / row.get("nats_per_token", inf)
            return
        if self._first is None:
            self._first, self._began = row["step"] - 1, time.monotonic()
        said = f"loss {row['loss']:.3f} · {_short(row['tokens_per_second'])} tokens/s{self._bits}"
        said += self._forecast(row)
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

    def _forecast(self, row: Row) -> str:
        """What the loss, or the bits of validation text, will be at the end."""
        if "forecast" not in row:
            return ""
        in_bits = row["forecast_of"] == "nats_per_token" and self._bits_per_nat > 0
        unit, name = (self._bits_per_nat, "final") if in_bits else (1.0, "final loss")
        value, low, high = (unit * row[f"forecast{end}"] for end in ("", "_low", "_high"))
        return f" · {name} {value:.2f} ({low:.2f}–{high:.2f})"


def _short(number: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return f"{number:.0f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
