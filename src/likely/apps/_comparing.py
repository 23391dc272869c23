"""From what `likely compare` was given to a study, and from a study to what a terminal shows."""

import hashlib
import json as json_library
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from likely.apps import _compared, _examples_run, _first_run
from likely.apps._console import messages, print_json, program
from likely.apps._earlier_noise import earlier_noise
from likely.apps._machine import usable_cores
from likely.apps._material import about_data, with_whole_passages
from likely.apps._run_folder import name_of
from likely.apps._trial_bar import TrialBar
from likely.apps.report import write_comparison
from likely.core.bind import bind
from likely.core.disk import write_whole
from likely.core.errors import BadSetting
from likely.core.settings import parse
from likely.train import _setup
from likely.train._check import build as build_recipe
from likely.train._judges import usual, usual_judges
from likely.train._kinds import FROM_EXAMPLES
from likely.train._plans import tokens_of_step
from likely.train._speed import tokens_per_second
from likely.train._study_check import build
from likely.train._study_data import StudyData, data_of, study_data, unequal
from likely.train._study_text import StudyText
from likely.train.compare import compare
from likely.train.recipe import Recipe, load_recipe
from likely.train.study import Budget, Reference, Study, Tuning, load_study, merged, to_plain
from likely.train.study_material import StudyMaterial

MINUTES = 30.0
_USED = 0.7
"""Share of the time that goes into steps; the rest reads text, starts processes and judges."""
_ASKED = "asked.json"


@dataclass(frozen=True)
class Order:
    """What was asked for.

    Args:
        recipes: files; one that objectives share, or the arms.
        objectives: losses with settings.
        changes: fields of the recipe that were given by options.
        baseline: name of an arm; None for cross_entropy, or the first.
        seeds: of the verdict.
        trials: of the tuning.
        budget: unit and amount of one training; None to choose.
        minutes: for everything; None for the default.
        judges: names; none for likelihood or answers and those whom the material allows.
        primary: the measure that decides; None for that of the kind.
        material: fields of the material that were given by options.
        fast: only look.
    """

    recipes: tuple[Path, ...]
    objectives: tuple[str, ...]
    changes: Mapping[str, Any]
    baseline: str | None
    seeds: int
    trials: int
    budget: tuple[str, float] | None
    minutes: float | None
    judges: tuple[str, ...]
    primary: str | None
    material: Mapping[str, Any]
    fast: bool

    @property
    def asked(self) -> dict[str, Any]:
        """The order as plain data, by which the same command finds its study again."""
        plain: dict[str, Any] = json_library.loads(json_library.dumps(asdict(self), default=str))
        if not plain["material"]:  # Such commands find what they began before there was any.
            del plain["material"]
            plain["judges"] = plain["judges"] or ["likelihood"]
        plain["primary"] = plain["primary"] or Study.primary
        return plain


def run(order: Order, out: Path | None, *, resume: bool, processes: int | None, json: bool) -> None:
    """Begin a study or go on with it, and show what came of it.

    Args:
        order: what was asked for.
        out: its folder; None for one under `studies/`.
        resume: whether it must be there.
        processes: trainings side by side; None for as many as there are cores.
        json: whether to print JSON.
    """
    many = processes or (1 if torch.cuda.is_available() else max(1, int(usable_cores())))
    folder = out or Path("studies") / _name(order)
    study = _found(order, folder, resume) or _begun(order, folder, many)
    command = f"{program()} compare --resume --out {folder}"
    with TrialBar(messages()) as bar:
        found = compare(study, folder, processes=many, command=command, progress=bar)
    write_comparison(found, folder / "report.html")
    if json:
        print_json({"folder": str(folder), **json_library.loads(found.to_json())})
    else:
        _compared.show(found, folder)


def _name(order: Order) -> str:
    said = json_library.dumps(order.asked, sort_keys=True)
    recipes = [path.stem for path in order.recipes]
    stem = name_of(tuple(order.changes.get("data", ()))) if not recipes else "-".join(recipes)[:40]
    return f"{stem}-{hashlib.sha256(said.encode()).hexdigest()[:6]}"


def _found(order: Order, folder: Path, resume: bool) -> Study | None:
    """The study in the folder, where it is the one that is asked for."""
    if not (folder / "study.toml").is_file():
        if resume:
            raise BadSetting(
                "likely compare",
                [f"{folder} holds no study (no study.toml in it): name the --out of one."],
            )
        return None
    path = folder / _ASKED
    asked = json_library.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    if not resume and asked != order.asked:
        raise BadSetting(
            str(folder),
            [
                "There is another study in this folder. Give another --out, or go on with this "
                f"one: {program()} compare --resume --out {folder}"
            ],
        )
    return load_study(folder / "study.toml")


def _begun(order: Order, folder: Path, processes: int) -> Study:
    """A new study: what was not given is chosen to suit text and machine, and said."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadSetting(
            str(folder), ["This is not an empty folder, and no study: give another --out."]
        )
    arms, base = _arms(order)
    console = messages()
    tuning = Tuning(trials=order.trials)
    # What is wrong is told before anything is read.
    asked = build(_plain(base, arms, order), "likely compare")
    base, budget, speed, why = _sized(order, base, arms, data_of(asked), processes)
    study = Study(
        recipe=base,
        arms=asked.arms,
        baseline=_baseline(order, arms),
        seeds=order.seeds,
        tuning=tuning,
        budget=budget,
        judges=asked.judges,
        primary=asked.primary,
        material=asked.material,
    )
    study = build(to_plain(study.quick() if order.fast else study), "likely compare")
    study = with_whole_passages(study)
    if problems := unequal(study):
        raise BadSetting("likely compare", problems)
    data = study_data(study.recipe, tuning.share, study.held_out, study.material)
    for line in (
        *about_data(data, study.material),
        *why,
        *_plan(study, data, speed, processes),
        *earlier_noise(study, folder),
        f"Folder: {folder}",
    ):
        console.print(line)
    if study.seeds < 5 and not order.fast:
        few = "1 seed gives" if study.seeds == 1 else f"{study.seeds} seeds give"
        console.print(
            f"{few} numbers and no verdict: it takes 5 at least, better 6.", style="yellow"
        )
    # So that the same command finds it; what makes it a study is written when it begins.
    return _remembered(study, data, order, folder)


def _remembered(study: Study, data: StudyData, order: Order, folder: Path) -> Study:
    from likely.train._study_job import begin, fingerprint

    begin(study, folder, data.sizes, fingerprint())
    write_whole(folder / _ASKED, json_library.dumps(order.asked, indent=1) + "\n")
    return study


def _arms(order: Order) -> tuple[dict[str, Any], Recipe]:
    """Arms as plain changes, and the recipe that they change, not sized yet."""
    for objective in order.objectives:
        bind(objective)
    if len(order.recipes) < 2:
        if order.recipes:
            given = asdict(load_recipe(order.recipes[0]))
            base = build_recipe(merged(given, _whole(order.changes)), "likely compare")
        elif order.changes.get("kind") in FROM_EXAMPLES:
            base = _examples_run.sized(order.changes, 1, "likely compare")
        else:
            base = _first_run.checked(order.changes, 1)
        names = _named(order.objectives)
        return {name: {"objective": one} for name, one in names.items()}, base
    loaded = {path.stem: asdict(load_recipe(path)) for path in order.recipes}
    if len(loaded) < len(order.recipes):
        raise BadSetting("likely compare", ["Two recipes have the same name: rename one file."])
    first = merged(next(iter(loaded.values())), _whole(order.changes))
    base = build_recipe(first, "likely compare")
    arms = {
        name: _different(first, merged(recipe, _whole(order.changes)))
        for name, recipe in loaded.items()
    }
    return arms, base


def _whole(changes: Mapping[str, Any]) -> dict[str, Any]:
    return dict(changes)


def _named(objectives: tuple[str, ...]) -> dict[str, str]:
    """A short name for each objective: its own, or with settings where two share it."""
    names = [parse(one)[0] for one in objectives]
    made: dict[str, str] = {}
    for name, one in zip(names, objectives, strict=True):
        label = name if names.count(name) == 1 else one
        if label in made:
            raise BadSetting(
                "likely compare", [f"The objective {one!r} was given twice: leave one out."]
            )
        made[label] = one
    return made


def _different(first: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What one recipe says otherwise than another, but steps and seed, which are the study's."""
    found: dict[str, Any] = {}
    for name, value in other.items():
        old = first.get(name)
        if isinstance(value, Mapping) and isinstance(old, Mapping) and name != "roles":
            inner = _different(old, value)
            found |= {name: inner} if inner else {}
        elif value != old and name not in ("steps", "seed"):
            found[name] = value
    return found


def _baseline(order: Order, arms: Mapping[str, Any]) -> str:
    if order.baseline is not None:
        return order.baseline
    return "cross_entropy" if "cross_entropy" in arms else next(iter(arms))


def _plain(base: Recipe, arms: Mapping[str, Any], order: Order) -> dict[str, Any]:
    return {
        "recipe": asdict(base),
        "arms": arms,
        "baseline": _baseline(order, arms),
        "seeds": order.seeds,
        "judges": order.judges or usual_judges(StudyMaterial(**order.material), base.kind),
        "primary": order.primary or usual(base.kind).get("primary", Study.primary),
        "material": order.material,
    }


def _trainings(order: Order, arms: Mapping[str, Any]) -> int:
    return len(arms) * (order.seeds + order.trials * len(Tuning().seeds))


def _sized(
    order: Order,
    base: Recipe,
    arms: Mapping[str, Any],
    data: StudyData,
    processes: int,
) -> tuple[Recipe, Budget, float, tuple[str, ...]]:
    """The shared recipe with its sizes, what one training may spend, and tokens a second."""
    accelerator = _setup.processes(None)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # As the trainings will have it.
    try:
        why: tuple[str, ...] = ()
        given: dict[str, Any] = dict(order.changes)
        minutes = MINUTES if order.minutes is None else order.minutes
        each = _USED * minutes * processes / _trainings(order, arms)
        if not order.recipes and isinstance(data, StudyText):
            given |= {"steps": 1000} if order.budget else {}
            choice = _first_run.choose(given, data.train, data.tuning, each, accelerator)
            base, why = choice.recipe, choice.why[:1]
        speed = tokens_per_second(base, data.train, accelerator)
    finally:
        torch.set_num_threads(threads)
    step = tokens_of_step(base, data.train)
    if not order.recipes and not isinstance(data, StudyText):
        most = max(int(60 * each * speed / step), 1)
        steps = min(_examples_run.steps_of(base, len(data.train)), most)
        base, why = _examples_run.with_steps(base, steps), (_examples_run.about_model(base),)
    if order.budget is not None:
        unit, amount = order.budget
    elif order.recipes:
        unit, amount = "tokens", float(base.steps * step)
    else:
        unit, amount = "seconds", round(base.steps * step / speed, 3)
    reference = Reference("this machine" if unit == "seconds" else "")
    return base, Budget(unit, amount, reference), speed, why  # type: ignore[arg-type]


def _plan(study: Study, data: StudyData, speed: float, processes: int) -> list[str]:
    """How many trainings of which size, and how long all of it will take."""
    budget, trials = study.budget, study.tuning.trials * len(study.tuning.seeds)
    many = len(study.arms) * (trials + study.seeds)
    step = tokens_of_step(study.recipe, data.train)
    tokens = budget.amount if budget.unit == "tokens" else budget.amount * speed
    if budget.unit == "flops":
        reader: Any = _setup.reader_of(study.recipe, data.train.vocabulary)
        tokens = budget.amount / (6 * reader.parameters_count)
    seconds = many * tokens / speed / processes / _USED
    tuned = f"{trials} to tune and " if trials else ""
    said = {
        "tokens": f"{budget.amount:g} tokens",
        "flops": f"{budget.amount:g} floating-point operations",
        "seconds": f"{budget.amount:.3g} s of this machine by cross-entropy's measure",
    }[budget.unit]
    passes = tokens / max(len(data.train.ids), 1)
    things = "text" if isinstance(data, StudyText) else "examples"
    return [
        f"Arms: {', '.join(study.arms)}; each has {tuned}{study.seeds} to judge: {many} trainings.",
        f"One training: {said}, about {tokens / step:,.0f} steps = {passes:.2g} passes over the "
        f"{things}{'' if budget.unit == 'tokens' else '; dearer arms take fewer'}.",
        f"All of it: {_first_run._time(seconds)}, {processes} at a time. Ctrl-C keeps what is "
        "finished.",
    ]
