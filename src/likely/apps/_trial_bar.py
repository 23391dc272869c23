"""How far the trying of a claim is: trials done, rate, time left."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from likely.train import reproduce


class TrialBar:
    """Shows trials; give it to `reproduce` as `progress`.

    Args:
        console: where to.
        every: seconds between lines where the console is no terminal.
    """

    def __init__(self, console: Console, every: float = 15.0) -> None:
        self.console, self.every = console, every
        self._began: float | None = None
        self._found = 0
        self._said = ("", -1)
        self._at = 0.0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} trials{task.fields[said]}"),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "TrialBar":
        self._bar.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.stop()

    def __call__(self, now: reproduce.Progress) -> None:
        """Show where it is.

        Args:
            now: what `reproduce` passes on.
        """
        clock = time.monotonic()
        if self._began is None:
            self._began = clock
        fresh = now.done - now.found
        said = f" · {now.found} were finished before" if now.found and not fresh else ""
        if fresh > 0:
            pace = (clock - self._began) / fresh
            left = (now.total - now.done) * pace
            said = f" · {60 / pace:.1f} a minute · about {_clock(left)} left"
        if not self.console.is_terminal:
            self._line(now, said, clock)
            return
        if not self._bar.tasks:
            self._bar.add_task(now.claim, total=now.total, said=said)
        self._bar.update(self._bar.task_ids[0], completed=now.done, said=said)

    def _line(self, now: reproduce.Progress, said: str, clock: float) -> None:
        new = (now.claim, now.done) != self._said
        if new and (clock - self._at >= self.every or now.done in (now.found, now.total)):
            self._said, self._at = (now.claim, now.done), clock
            self.console.print(f"{now.claim}: {now.done}/{now.total} trials{said}")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
