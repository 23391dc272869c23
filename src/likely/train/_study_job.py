"""A study in a folder: which trainings it needs, and where each finished one lies."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from likely.core.bind import bind
from likely.core.disk import write_whole
from likely.core.errors import BadInput, BadSetting
from likely.core.settings import check, parse
from likely.train import _trials
from likely.train._judges import deciding
from likely.train._lattice import Point
from likely.train._trials import Trial
from likely.train.errors import StoppedTrials
from likely.train.recipe import Recipe
from likely.train.recipe import to_toml as recipe_to_toml
from likely.train.seen import SEEN
from likely.train.study import Study, load_study, to_plain, to_toml
from likely.train.study_material import to_toml as material_to_toml

TRAINING, COSTS = "judged_training", "step_costs"
BEGUN = "begun.json"
MEASURED = 2.0
"""Seconds that are spent on measuring what a step of one recipe costs."""


@dataclass(frozen=True)
class StudyJob:
    """A study that is under way.

    Args:
        study: what is compared.
        place: folder of the study.
        text: key of its text.
        code: fingerprint of the source.
        command: what goes on after Ctrl-C.
    """

    study: Study
    place: Path
    text: str
    code: str
    command: str

    @property
    def name(self) -> str:
        """How progress calls it."""
        return "compare"

    @property
    def folder(self) -> Path:
        """Where finished trials lie."""
        return self.place / "trials"

    @property
    def total(self) -> int:
        """How many trials it takes: one for the costs, then tuning and verdict."""
        tuning = self.study.tuning
        return 1 + len(self.study.arms) * (self.study.seeds + tuning.trials * len(tuning.seeds))

    def stopped(self, done: int) -> StoppedTrials:
        """What is raised on Ctrl-C.

        Args:
            done: trials that are finished.

        Returns:
            The error, which says how to go on.
        """
        return StoppedTrials(done, self.total, self.command)

    def costs(self, recipes: tuple[Recipe, ...]) -> Trial:
        """The trial that measures what steps cost.

        Args:
            recipes: what is measured.

        Returns:
            The trial.
        """
        said = tuple(recipe_to_toml(replace(one, seed=0, steps=1000)) for one in recipes)
        given = {"recipes": said, "seconds": 0.0 if self.study.fast else MEASURED}
        return self._trial(COSTS, "all", "costs", 0, given, {}, ("seconds", "memory"))

    def training(self, arm: str, recipe: Recipe, seed: int, *, tuning: bool) -> Trial:
        """A training of an arm.

        Args:
            arm: its name.
            recipe: what it trains by.
            seed: of everything.
            tuning: whether it is judged on tuning text, by the measure that decides alone.

        Returns:
            The trial; who finished it before need not do it again.
        """
        study = self.study
        part = "tuning" if tuning else "test"
        given: dict[str, Any] = {
            "recipe": recipe_to_toml(replace(recipe, seed=0)),
            "part": part,
            "judges": deciding(study.judges, study.primary) if tuning else study.judges,
        }
        label = f"{arm}.{part}"
        stem = self._stem(TRAINING, label, seed, given)
        also = {"folder": str(self.place / "running" / stem)}
        if not tuning:
            also["seen"] = str(self.place / SEEN / f"{stem}.json")
        return self._trial(TRAINING, arm, label, seed, given, also, ("diverged",))

    def _shared(self, given: Mapping[str, Any]) -> dict[str, Any]:
        study = self.study
        about = {
            "share": study.tuning.share,
            "held_out": study.held_out,
            "material": material_to_toml(study.material),
            "text": self.text,
        }
        return {**given, **about}

    def _stem(self, entry: str, label: str, seed: int, given: Mapping[str, Any]) -> str:
        """A name that changes with anything a trial depends on, but not with where it lies."""
        said = json.dumps([entry, self._shared(given), seed, self.code], sort_keys=True)
        plain = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in label)
        return f"{plain}.seed{seed}.{hashlib.sha256(said.encode()).hexdigest()[:12]}"

    def _trial(
        self,
        entry: str,
        arm: str,
        label: str,
        seed: int,
        given: Mapping[str, Any],
        also: Mapping[str, Any],
        measures: tuple[str, ...],
    ) -> Trial:
        from likely.core.catalogue import get

        whole = check(f"Arm {arm!r}", get("train.trials", entry), {**self._shared(given), **also})
        plain: dict[str, Any] = json.loads(json.dumps(whole))
        path = self.folder / f"{self._stem(entry, label, seed, given)}.json"
        return Trial(entry, arm, seed, plain, path, self.code, measures)


def tuned_recipe(recipe: Recipe, point: Point) -> Recipe:
    """A recipe with the settings of a trial.

    Args:
        recipe: of the arm.
        point: a trial.

    Returns:
        Another recipe.
    """
    return replace(
        recipe,
        objective=with_knobs(recipe.objective, point.knobs),
        optimizer=replace(recipe.optimizer, lr=recipe.optimizer.lr * point.rate),
    )


def with_knobs(objective: str, knobs: Mapping[str, Any]) -> str:
    """An objective with more of its settings said.

    Args:
        objective: a name, with settings or without.
        knobs: settings; they win.

    Returns:
        The same objective in words that `bind` reads.

    Example:
        >>> with_knobs("goldfish(context=9)", {"k": 3}), with_knobs("emo", {})
        ('goldfish(context=9, k=3)', 'emo')
    """
    name, given = parse(objective)
    settings = {**given, **knobs}
    inside = ", ".join(f"{key}={value!r}" for key, value in settings.items())
    return f"{name}({inside})" if inside else name


def usual_knobs(recipe: Recipe, grid: Mapping[str, Any]) -> dict[str, Any]:
    """The values that knobs have where nobody turns them.

    Args:
        recipe: names the objective.
        grid: the knobs.

    Returns:
        Knob → value.
    """
    settings = bind(recipe.objective).settings
    return {knob: settings[knob] for knob in grid}


def begin(study: Study, folder: Path, sizes: Mapping[str, Any], code: str) -> None:
    """Write down what a study is, or see that the one in the folder is the same.

    Args:
        study: what is compared.
        folder: where.
        sizes: of its text.
        code: fingerprint of the source.

    Raises:
        BadSetting: the folder holds another study, or something else.
        BadInput: the text or the source is not what the study began with.
    """
    path = folder / "study.toml"
    if not path.is_file():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BadSetting(
                str(folder), ["This is not an empty folder, and no study: give another --out."]
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / BEGUN, json.dumps({"text": sizes, "code": code}, indent=1) + "\n")
        write_whole(path, to_toml(study))
        return
    if to_plain(load_study(path)) != to_plain(study):
        raise BadSetting(
            str(folder), ["There is another study in this folder: give another --out."]
        )
    before = json.loads((folder / BEGUN).read_text(encoding="utf-8"))
    if before["text"]["fingerprint"] != sizes["fingerprint"]:
        raise BadInput(
            f"{folder}: the data are not those that this study began with, or its references or "
            "its model for features are not: put them back, or begin another study in another "
            "--out."
        )
    if before["code"] != code:
        raise BadInput(
            f"{folder}: this study began with another version of likely or of its libraries, and "
            "its arms would not be alike any more: go on with that one, or give another --out."
        )


def fingerprint() -> str:
    """Of the source that trains and judges, in hexadecimal digits."""
    return _trials.fingerprint(TRAINING)
