"""Studies: which arms are compared, how each is tuned, what each may spend, and who judges."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from likely.core.errors import BadInput, BadSetting
from likely.core.settings import parse
from likely.train._lines import read_toml, with_lines
from likely.train.recipe import Recipe
from likely.train.study_material import StudyMaterial

FORMAT = 1
"""Of `study.toml`, and with it of the folder of a study."""
MOST_SEEDS = 44
"""More than these the exact sign-flip test cannot count."""


@dataclass(frozen=True)
class Arm:
    """One of the things that are compared: changes to the recipe, and knobs that are tuned.

    Args:
        changes: fields of the recipe that are different, tables as mappings.
        grid: settings of the objective that are tuned, with the values that are tried; None for
            those that the objective's own file declares (`KNOBS`) and its text leaves open.
    """

    changes: Mapping[str, Any]
    grid: Mapping[str, tuple[Any, ...]] | None = None


@dataclass(frozen=True)
class Tuning:
    """How every arm finds its settings, on seeds and text that no verdict uses.

    Args:
        trials: how many each arm has, whatever it has to tune; 0 tunes nothing.
        span: the lowest and the highest rate tried are the recipe's over and times this.
        seeds: of the trials; from 1000 on, so that no verdict shares one.
        share: of the text, for tuning alone.
    """

    trials: Annotated[int, Ge(0), Le(1000)] = 5
    span: Annotated[float, Gt(1), Le(1e6)] = 4.0
    seeds: tuple[Annotated[int, Ge(1000)], ...] = (1000,)
    share: Annotated[float, Gt(0), Lt(0.5)] = 0.08


@dataclass(frozen=True)
class Reference:
    """The machine whose seconds are counted.

    Args:
        name: of the machine, for people.
        step_seconds: of one step of the recipe by plain cross-entropy on it; 0 for this machine,
            measured when the study begins.
    """

    name: str = ""
    step_seconds: Annotated[float, Ge(0), Lt(1e9)] = 0.0


@dataclass(frozen=True)
class Budget:
    """What one training of an arm may spend.

    Args:
        unit: `tokens` that are read; `flops`, as counted; or `seconds` of the reference machine.
        amount: how many.
        reference: the machine whose seconds are counted.
    """

    unit: Literal["tokens", "flops", "seconds"] = "tokens"
    amount: Annotated[float, Gt(0), Lt(1e30)] = 1e6
    reference: Reference = field(default_factory=Reference)


@dataclass(frozen=True)
class Study:
    """Everything a comparison depends on.

    Args:
        recipe: what the arms share; its steps and its seed are the study's to choose.
        arms: what is compared, by name.
        baseline: the arm that the others are held against.
        seeds: of the verdict: 0 … seeds − 1. Each decides data order and first weights, the same
            for all arms.
        tuning: how every arm finds its settings.
        budget: what one training may spend.
        judges: who looks at the trained models: entries of `train.judges`.
        primary: the measure that decides, by which arms are tuned too.
        held_out: share of the text that verdicts are reported on.
        fast: whether this is only a look, which has no verdict.
        material: what there is beside plain text, for judges who look at more.
    """

    recipe: Recipe
    arms: Mapping[str, Arm]
    baseline: str
    seeds: Annotated[int, Ge(1), Le(MOST_SEEDS)] = 6
    tuning: Tuning = field(default_factory=Tuning)
    budget: Budget = field(default_factory=Budget)
    judges: tuple[str, ...] = ("likelihood",)
    primary: str = "bits_per_byte"
    held_out: Annotated[float, Gt(0), Lt(0.5)] = 0.12
    fast: bool = False
    material: StudyMaterial = field(default_factory=StudyMaterial)

    def recipe_of(self, arm: str) -> Recipe:
        """What an arm trains by, before anything is tuned.

        Args:
            arm: its name.

        Returns:
            The recipe with the arm's changes.
        """
        from likely.train._check import build

        return build(merged(asdict(self.recipe), self.arms[arm].changes), f"arms.{arm}")

    def grid_of(self, arm: str) -> dict[str, tuple[Any, ...]]:
        """The knobs that an arm tunes beside the learning rate.

        Args:
            arm: its name.

        Returns:
            Setting of the objective → values; empty where there is none.
        """
        given = self.arms[arm].grid
        return dict(given) if given is not None else knobs_of(self.recipe_of(arm).objective)

    def quick(self) -> "Study":
        """The same as a look: 2 seeds, untuned, a tenth of the budget.

        Returns:
            Another study; this one stays.
        """
        return replace(
            self,
            seeds=min(self.seeds, 2),
            tuning=replace(self.tuning, trials=0),
            budget=replace(self.budget, amount=self.budget.amount / 10),
            fast=True,
        )


def knobs_of(objective: str) -> dict[str, tuple[Any, ...]]:
    """What an objective's file declares to be tuned, without what the text fixes.

    Args:
        objective: `focal`, or `focal(gamma=2)`, which leaves nothing open.

    Returns:
        Setting → values.

    Example:
        >>> knobs_of("focal"), knobs_of("focal(gamma=1)")
        ({'gamma': (0.5, 1.0, 2.0, 4.0)}, {})
    """
    from likely.core.catalogue import module_of

    name, given = parse(objective)
    declared = getattr(module_of("objectives", name), "KNOBS", {})
    return {knob: tuple(values) for knob, values in declared.items() if knob not in given}


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data with some of it replaced; tables are merged.

    Args:
        base: what is changed.
        changes: what is different.

    Returns:
        New data.

    Example:
        >>> merged({"steps": 5, "optimizer": {"lr": 1.0, "clip": 0.0}}, {"optimizer": {"lr": 2.0}})
        {'steps': 5, 'optimizer': {'lr': 2.0, 'clip': 0.0}}
    """
    made = dict(base)
    for name, value in changes.items():
        old = made.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        made[name] = merged(old, value) if both else value  # type: ignore[arg-type]
    return made


def load_study(path: str | Path) -> Study:
    """Read a study.

    Args:
        path: a TOML file with the fields of `Study`; `[arms.NAME]` holds what is different from
            `[recipe]`, and `grid`.

    Returns:
        The study.

    Raises:
        BadInput: the file is not there, is no TOML, or has another format.
        BadSetting: everything that is wrong with it, with lines.
    """
    from likely.train._study_check import build

    path = Path(path)
    give = "the study.toml of a comparison"
    text, data = read_toml(path, "study", give, f"{give}.")
    if data.pop("format", FORMAT) != FORMAT:
        raise BadInput(
            f"{path}: this study has another format than {FORMAT}, the one that this version of "
            "likely reads: install a newer likely."
        )
    try:
        return build(data, str(path))
    except BadSetting as problem:
        raise BadSetting(str(path), with_lines(problem.problems, text)) from None


def to_plain(study: Study) -> dict[str, Any]:
    """A study as plain data, as its TOML file has it.

    Args:
        study: what to write.

    Returns:
        What `_study_check.build` takes.
    """
    plain = asdict(study)
    plain["arms"] = {
        name: {**arm.changes, **({} if arm.grid is None else {"grid": dict(arm.grid)})}
        for name, arm in study.arms.items()
    }
    return plain


def to_toml(study: Study) -> str:
    """The study as TOML, with every field.

    Args:
        study: what to write.

    Returns:
        Text that `load_study` reads back.
    """
    import tomli_w

    return tomli_w.dumps({"format": FORMAT, **to_plain(study)})
