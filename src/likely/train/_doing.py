"""Does the trials of an attempt or a study, those that are not done yet, and says how far it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from likely.core.errors import LikelyError
from likely.train import _trials
from likely.train._crew import Crew
from likely.train._trials import Trial
from likely.train.interrupt import Interrupt


@dataclass(frozen=True)
class Progress:
    """How far the trying of a claim, or a study, is.

    Args:
        claim: its name.
        done: trials that are finished.
        total: trials there are.
        found: of those done, how many were finished before this start.
    """

    claim: str
    done: int
    total: int
    found: int


OnProgress = Callable[[Progress], None]


@runtime_checkable
class Job(Protocol):
    """What is made of trials: a claim that is tried, or a study."""

    @property
    def name(self) -> str:
        """How progress calls it."""

    @property
    def folder(self) -> Path:
        """Where finished trials lie."""

    @property
    def total(self) -> int:
        """How many trials it takes."""

    def stopped(self, done: int) -> LikelyError:
        """What is raised on Ctrl-C.

        Args:
            done: trials that are finished.

        Returns:
            The error, which says how to go on.
        """


class Doing:
    """Does trials of a job, once each, and says how far it is.

    Args:
        attempt: whose trials they are.
        crew: who does it.
        interrupt: Ctrl-C.
        progress: called several times a second.
        again: whether trials that were finished before are done again.
    """

    def __init__(
        self,
        attempt: Job,
        crew: Crew,
        interrupt: Interrupt,
        progress: OnProgress | None,
        again: bool,
    ) -> None:
        self.attempt, self.crew, self.interrupt = attempt, crew, interrupt
        self.progress, self.again = progress, again
        self.trials: list[Trial] = []
        self.found: set[Path] = set()

    def do(self, units: Sequence[Sequence[Trial]]) -> None:
        """Do what is not done yet.

        Args:
            units: trials that share a seed.

        Raises:
            LikelyError: a trial cannot be done.
            Interrupted: Ctrl-C.
        """
        self.attempt.folder.mkdir(parents=True, exist_ok=True)
        for trial in (trial for unit in units for trial in unit):
            self.trials.append(trial)
            if self.again:
                trial.path.unlink(missing_ok=True)
            elif (found := _trials.read(trial.path)) is not None:
                self.found.add(trial.path)
                if problem := _trials.lacking(trial, found):
                    raise LikelyError(problem)
        left = [_once([t for t in unit if t.path not in self.found]) for unit in units]
        self._look()
        self.crew.run([unit for unit in left if unit], self._look)

    def cpu_seconds(self, *, new: bool = False) -> float:
        """What the trials took of the processor.

        Args:
            new: only those that were not there at the start.

        Returns:
            Seconds.
        """
        paths = {trial.path for trial in self.trials} - (self.found if new else set())
        return sum((float(measured(path)["cpu_seconds"]) for path in sorted(paths)), 0.0)

    def done(self) -> int:
        """How many trials are finished."""
        return sum(trial.path in self.found or trial.path.exists() for trial in self.trials)

    def _look(self) -> None:
        done = self.done()
        if self.progress is not None:
            found = sum(trial.path in self.found for trial in self.trials)
            self.progress(Progress(self.attempt.name, done, self.attempt.total, found))
        if self.interrupt.asked:
            raise self.attempt.stopped(done)


def measured(path: Path) -> Mapping[str, Any]:
    """What a finished trial found.

    Args:
        path: where it lies.

    Returns:
        What stands in the file.

    Raises:
        LikelyError: somebody took it away.
    """
    found = _trials.read(path)
    if found is None:
        raise LikelyError(
            f"{path}: this trial was finished and is gone or damaged. Give the command again."
        )
    return found


def _once(unit: list[Trial]) -> list[Trial]:
    """Arms with the same settings share a trial."""
    return list({trial.path: trial for trial in unit}.values())
