"""One trying of a claim: which trials it needs, and doing those that are not done yet."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likely.core.catalogue import get
from likely.core.settings import check
from likely.train import _trials
from likely.train._trials import Trial
from likely.train.claim import Claim, Settings
from likely.train.errors import StoppedTrials
from likely.train.ledger import Result


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
    def name(self) -> str:
        """How progress calls it."""
        return self.claim.name

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
