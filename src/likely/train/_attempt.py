"""One trying of a claim: which trials it needs, and doing those that are not done yet."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likely.core.catalogue import get
from likely.core.errors import LikelyError
from likely.core.settings import check
from likely.train import _trials
from likely.train._crew import Crew
from likely.train._trials import Trial
from likely.train.claim import Claim, Settings
from likely.train.errors import StoppedTrials
from likely.train.interrupt import Interrupt
from likely.train.ledger import Result


@dataclass(frozen=True)
class Progress:
    """How far the trying of a claim is.

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


@dataclass(frozen=True)
class Attempt:
    """One trying of a claim.

    Args:
        claim: what is tried.
        out: the ledger.
        count: of seeds.
        fast: whether it is only a look.
        code: fingerprint of the source.
    """

    claim: Claim
    out: Path
    count: int
    fast: bool
    code: str

    @property
    def folder(self) -> Path:
        """Where finished trials lie."""
        return self.out / self.claim.name / ".trials"

    @property
    def total(self) -> int:
        """How many trials it takes."""
        tuning = None if self.fast else self.claim.tuning
        tried = len(tuning.combinations) * len(tuning.seeds) if tuning else 0
        return len(self.claim.arms) * (self.count + tried)

    def same_as(self, before: Sequence[Result]) -> Result | None:
        """The newest result of the same claim, seeds and code.

        Args:
            before: results of the claim.

        Returns:
            The result; None where there is none.
        """
        asked = (self.count, self.fast, self.code)
        for one in reversed(before):
            if one.of(self.claim) and (one.seeds, one.fast, one.content["code"]) == asked:
                return one
        return None

    def settings(self, arm: str, chosen: Settings) -> dict[str, Any]:
        """All settings of the trial for an arm, defaults too.

        Args:
            arm: its name.
            chosen: a combination of the grid.

        Returns:
            By name, as plain values.
        """
        given = {**self.claim.settings, **self.claim.arms[arm].settings, **chosen}
        given |= self.claim.fast.settings if self.fast else {}
        whole = check(f"Arm {arm!r}", get("train.trials", self.claim.trial), given)
        plain: dict[str, Any] = json.loads(json.dumps(whole))
        return plain

    def trial(self, arm: str, seed: int, chosen: Settings, *measures: str) -> Trial:
        """What a worker is asked to do.

        Args:
            arm: its name.
            seed: of everything.
            chosen: a combination of the grid.
            measures: what the trial must return beside what the decisions read.

        Returns:
            The trial, and where its result goes.
        """
        entry, settings = self.claim.trial, self.settings(arm, chosen)
        path = _trials.place(self.folder, entry, settings, seed, self.code)
        wanted = (*self.claim.measures(arm), *measures)
        return Trial(entry, arm, seed, settings, path, self.code, wanted)

    def stopped(self, done: int) -> StoppedTrials:
        """What is raised on Ctrl-C.

        Args:
            done: trials that are finished.

        Returns:
            The error, which says how to go on.
        """
        words = ["likely reproduce"]
        words.append(self.claim.name if self.claim.number is not None else str(self.claim.path))
        words += ["--fast"] if self.fast else []
        if self.count != (self.claim.fast.seeds if self.fast else self.claim.seeds):
            words.append(f"--seeds {self.count}")
        words += [f"--out {self.out}"] if str(self.out) != "ledger" else []
        return StoppedTrials(done, self.total, " ".join(words))


class Doing:
    """Does trials of an attempt, once each, and says how far it is.

    Args:
        attempt: what is tried.
        crew: who does it.
        interrupt: Ctrl-C.
        progress: called several times a second.
        again: whether trials that were finished before are done again.
    """

    def __init__(
        self,
        attempt: Attempt,
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
        return sum(float(measured(path)["cpu_seconds"]) for path in sorted(paths))

    def done(self) -> int:
        """How many trials are finished."""
        return sum(trial.path in self.found or trial.path.exists() for trial in self.trials)

    def _look(self) -> None:
        done = self.done()
        if self.progress is not None:
            found = sum(trial.path in self.found for trial in self.trials)
            self.progress(Progress(self.attempt.claim.name, done, self.attempt.total, found))
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
