"""Claims: what a paper says, and how it is tried, as a TOML file that is fixed before running."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

from likely.core.errors import BadSetting
from likely.train._lines import read_toml, with_lines

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Arm:
    """One of the things that are compared.

    Args:
        name: of the arm.
        about: what it is, for people.
        settings: of the trial, beside those that all arms share.
    """

    name: str
    about: str
    settings: Settings


@dataclass(frozen=True)
class Decision:
    """A condition that the claim sets, fixed before running.

    Args:
        says: the condition in words.
        measure: what the trial returns for the arm.
        arm: the arm it is about.
        side: where arm − against must lie: above the margin, or below minus the margin.
        margin: how far at least; negative for what may be lost.
        against: another arm (paired by seed), the same one with another measure, or a number.
        against_measure: of `against`; the same measure where it is left out.
    """

    says: str
    measure: str
    arm: str
    side: Literal["above", "below"]
    margin: float
    against: str | float = ""
    against_measure: str = ""

    def measures(self, arm: str) -> list[str]:
        """What this decision reads of an arm.

        Args:
            arm: its name.

        Returns:
            Measures of the trial.
        """
        read = [self.measure] if arm == self.arm else []
        return read + ([self.against_measure or self.measure] if arm == self.against else [])


@dataclass(frozen=True)
class Tuning:
    """How every arm finds its best settings, on seeds that the verdict never uses.

    Args:
        grid: values to try, by setting; every arm tries every combination.
        measure: what decides, by its mean over the seeds.
        best: whether lower or higher is better.
        seeds: that are used for nothing else.
    """

    grid: Mapping[str, tuple[Any, ...]]
    measure: str
    best: Literal["lowest", "highest"]
    seeds: tuple[Annotated[int, Ge(0)], ...]

    @property
    def combinations(self) -> tuple[Settings, ...]:
        """Every combination, in the order of the file."""
        rows = product(*self.grid.values())
        return tuple(dict(zip(self.grid, row, strict=True)) for row in rows)


@dataclass(frozen=True)
class Fast:
    """What a quick look changes; it never counts.

    Args:
        settings: of the trial, for all arms.
        seeds: how many.
    """

    settings: Settings
    seeds: Annotated[int, Ge(1)] = 2


@dataclass(frozen=True)
class Claim:
    """What a paper says, and how it is tried.

    Args:
        name: of its file, without the ending: `120_goldfish`.
        claim: in one sentence.
        title: of the source.
        source: authors, year, number, section.
        entry: the entry it is about, as `room.name`; empty where it is about none.
        trial: the entry of `train.trials` that does one arm and one seed.
        data: what it is tried on, for people.
        seeds: how many the verdict needs: 0 … seeds − 1.
        cpu_minutes: of all arms, seeds and tuning together.
        note: what differs from the source.
        settings: of the trial, common to all arms.
        arms: what is compared, by name.
        decisions: conditions; all must hold.
        tuning: how arms are tuned; None where they are not.
        fast: what a quick look changes.
        content: the file as parsed.
        path: the file.
    """

    name: str
    claim: str
    title: str
    source: str
    entry: str
    trial: str
    data: str
    seeds: Annotated[int, Ge(1)]
    cpu_minutes: Annotated[float, Gt(0), Lt(1e6)]
    note: str
    settings: Settings
    arms: Mapping[str, Arm]
    decisions: tuple[Decision, ...]
    tuning: Tuning | None
    fast: Fast
    content: Settings
    path: Path

    @property
    def number(self) -> int | None:
        """The number its name begins with."""
        found = re.match(r"\d+", self.name)
        return int(found[0]) if found else None

    @property
    def key(self) -> str:
        """Changes with anything the file says; comments and layout do not count."""
        plain = json.dumps(self.content, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(plain.encode()).hexdigest()[:16]

    def measures(self, arm: str) -> list[str]:
        """What the decisions read of an arm.

        Args:
            arm: its name.

        Returns:
            Measures, each once.
        """
        return list(dict.fromkeys(m for one in self.decisions for m in one.measures(arm)))


def load_claim(path: str | Path) -> Claim:
    """Read a claim.

    Args:
        path: a TOML file.

    Returns:
        The claim, its settings checked against those of its trial.

    Raises:
        BadInput: the file is not there or is no TOML.
        BadSetting: everything that is wrong with it, with lines.
    """
    from likely.train._claim_check import build

    path = Path(path)
    text, content = read_toml(
        path,
        "claim",
        "a number, a name or a TOML file",
        "a claim, such as those that `likely reproduce` lists.",
    )
    try:
        return build(content, path)
    except BadSetting as problem:
        raise BadSetting(str(path), with_lines(problem.problems, text)) from None
