"""What came of a study as plain values: `comparison.json`, made into tables and reports."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from likely.core.disk import write_whole
from likely.core.errors import BadInput

FORMAT = 1
"""Of `comparison.json`."""
Better = Literal["lower", "higher", ""]
Word = Literal[
    "better",
    "worse",
    "no difference seen",
    "higher",
    "lower",
    "too few seeds",
    "diverged",
    "quick look",
]


@dataclass(frozen=True)
class Tried:
    """One trial of the tuning of an arm.

    Args:
        rate: factor of the recipe's learning rate.
        knobs: settings of the objective that were tried along with it.
        values: the primary measure on tuning text, one a tuning seed; None where it diverged.
        mean: of the values; None where one of them diverged.
    """

    rate: float
    knobs: Mapping[str, Any]
    values: tuple[float | None, ...]
    mean: float | None


@dataclass(frozen=True)
class Cost:
    """What a step of an arm costs, measured beside one of plain cross-entropy.

    Args:
        seconds: of a step, on one thread or on the accelerator; the median.
        plain_seconds: of a step of the same recipe by cross-entropy, taken in turns with it.
        memory: bytes of tensors that a step holds at most above the weights and moments.
        plain_memory: the same of cross-entropy.
        flops: of a step, as counted.
        tokens: targets of a step.
        parameters: of the model; 0 where nobody wrote it down.
    """

    seconds: float
    plain_seconds: float
    memory: float
    plain_memory: float
    flops: float
    tokens: int
    parameters: int = 0

    @property
    def time_ratio(self) -> float:
        """Seconds of a step over those of cross-entropy."""
        return self.seconds / self.plain_seconds

    @property
    def memory_ratio(self) -> float:
        """Peak memory of a step over that of cross-entropy."""
        return self.memory / self.plain_memory


@dataclass(frozen=True)
class ArmResult:
    """What became of one arm.

    Args:
        name: of the arm.
        recipe: what it trained by with seed 0, as plain values: the chosen settings are in it.
        tried: its trials; empty where nothing was tuned.
        chosen: `learning rate` and knobs, as the best trial has them.
        edges: sentences about chosen values at the end of what was tried.
        steps: of one training.
        cost: of a step.
        measures: what each judge found, by name; one number a verdict seed, None where the
            training diverged.
        seconds: that each training took, one a verdict seed.
    """

    name: str
    recipe: Mapping[str, Any]
    tried: tuple[Tried, ...]
    chosen: Mapping[str, Any]
    edges: tuple[str, ...]
    steps: int
    cost: Cost
    measures: Mapping[str, tuple[float | None, ...]]
    seconds: tuple[float, ...]

    @property
    def objective(self) -> str:
        """The loss that it trained by, with its chosen settings."""
        return str(self.recipe["objective"])

    def mean(self, measure: str) -> float | None:
        """A measure as one number.

        Args:
            measure: its name.

        Returns:
            The mean over seeds; None where a training diverged.
        """
        values = [value for value in self.measures[measure] if value is not None]
        whole = len(values) == len(self.measures[measure])
        return sum(values) / len(values) if whole and values else None


@dataclass(frozen=True)
class Verdict:
    """What the seeds say about one arm, one measure and the baseline.

    Args:
        arm: which one.
        measure: by which measure.
        primary: whether it is the measure that the study decides by; others are looked at.
        better: which side is better; empty where neither is.
        differences: arm − baseline of each seed; empty where a training diverged.
        mean: of the differences; None with fewer than two seeds, as are the next ones.
        low: lower end of the 95 % interval.
        high: upper end.
        p_t: of Student's t test that the mean is 0.
        p_sign: of the exact sign-flip test of the same.
        p_adjusted: `p_t` after Holm over the arms; this one decides.
        smallest_effect: what this design would find in 80 % of cases, at the level that Holm
            leaves to the smallest p-value.
        seeds_for_half: seeds that would find half of the smallest effect.
        word: better, worse, no difference seen, too few seeds, diverged or quick look.
        sentence: the whole verdict in words, with `untuned` where nothing was tuned.
    """

    arm: str
    measure: str
    primary: bool
    better: Better
    differences: tuple[float, ...]
    mean: float | None
    low: float | None
    high: float | None
    p_t: float | None
    p_sign: float | None
    p_adjusted: float | None
    smallest_effect: float | None
    seeds_for_half: int | None
    word: Word
    sentence: str


@dataclass(frozen=True)
class Comparison:
    """Everything that came of a study; what a report needs and a reader may doubt.

    Args:
        study: the study as plain values, as `study.toml` holds it.
        baseline: name of the arm that the others are held against.
        primary: the measure that decides.
        tuned: whether every arm was tuned.
        fast: whether this was a quick look, which has no verdict.
        seeds: of the verdict; arms are paired by them.
        text: sizes of the parts `training`, `tuning` and `test`, in tokens, bytes and documents or
            examples, and a `fingerprint`.
        budget: `unit`, `amount`, and the `reference` machine: its `name` and `step_seconds`.
        arms: in the order of the study.
        verdicts: of every arm but the baseline and every measure; the primary one first.
        notes: sentences that a reader must know beside the verdicts.
        cpu_minutes: of all trainings, tuning too.
        date: when it was finished.
        environment: versions and the kind of machine.
    """

    study: Mapping[str, Any]
    baseline: str
    primary: str
    tuned: bool
    fast: bool
    seeds: tuple[int, ...]
    text: Mapping[str, Any]
    budget: Mapping[str, Any]
    arms: tuple[ArmResult, ...]
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]
    cpu_minutes: float
    date: str
    environment: Mapping[str, Any]

    def arm(self, name: str) -> ArmResult:
        """One arm.

        Args:
            name: of the arm.

        Returns:
            What became of it.
        """
        return next(one for one in self.arms if one.name == name)

    @property
    def things(self) -> str:
        """What models were trained and judged on: `text` or `examples`."""
        return "examples" if "examples" in self.text["test"] else "text"

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the measures; the primary one first."""
        names = dict.fromkeys([self.primary, *self.arm(self.baseline).measures])
        return tuple(names)

    def verdict(self, arm: str, measure: str = "") -> Verdict:
        """What was found about one arm.

        Args:
            arm: any but the baseline.
            measure: by which measure; the primary one where it is left out.

        Returns:
            The verdict.
        """
        asked = (arm, measure or self.primary)
        return next(one for one in self.verdicts if (one.arm, one.measure) == asked)

    def to_json(self) -> str:
        """The comparison as text that `read` reads.

        Returns:
            JSON with a format version; for readers without Python, `cost` has both ratios too.
        """
        plain = {"format": FORMAT, **asdict(self)}
        for row, arm in zip(plain["arms"], self.arms, strict=True):
            row["cost"] |= {
                "time_ratio": arm.cost.time_ratio,
                "memory_ratio": arm.cost.memory_ratio,
            }
        return json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def write(self, path: str | Path) -> None:
        """Write `comparison.json`.

        Args:
            path: where to.
        """
        write_whole(Path(path), self.to_json())

    @classmethod
    def read(cls, path: str | Path) -> "Comparison":
        """Read what `write` wrote.

        Args:
            path: the file, or the folder of the study.

        Returns:
            The comparison.

        Raises:
            BadInput: it is not there, damaged, or of another format.
        """
        path = Path(path)
        path = path / "comparison.json" if path.is_dir() else path
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            found = plain["format"]
            made = _from_plain(plain) if found == FORMAT else None
        except OSError as problem:
            raise BadInput(
                f"{path}: this comparison cannot be read: {problem.strerror}. Give the folder that "
                "`likely compare` wrote (its --out)."
            ) from problem
        except (ValueError, KeyError, TypeError) as problem:
            raise BadInput(
                f"{path}: this comparison is damaged. Give the command that made it again; "
                "finished trainings are kept."
            ) from problem
        if made is None:
            raise BadInput(
                f"{path}: this comparison has format {found}, and this version of likely reads "
                f"{FORMAT}: install a newer likely."
            )
        return made


def _from_plain(plain: Mapping[str, Any]) -> Comparison:
    values = {field.name: plain[field.name] for field in fields(Comparison)}
    values["arms"] = tuple(_arm(row) for row in plain["arms"])
    values["verdicts"] = tuple(
        Verdict(**{**row, "differences": tuple(row["differences"])}) for row in plain["verdicts"]
    )
    values |= {name: tuple(plain[name]) for name in ("seeds", "notes")}
    return Comparison(**values)


def _arm(row: Mapping[str, Any]) -> ArmResult:
    values = {field.name: row[field.name] for field in fields(ArmResult)}
    values["tried"] = tuple(
        Tried(**{**one, "values": tuple(one["values"])}) for one in row["tried"]
    )
    cost = row["cost"]
    values["cost"] = Cost(**{one.name: cost[one.name] for one in fields(Cost) if one.name in cost})
    values["measures"] = {name: tuple(found) for name, found in row["measures"].items()}
    values |= {name: tuple(row[name]) for name in ("edges", "seconds")}
    return ArmResult(**values)
