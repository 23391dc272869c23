"""The steps of a study between its beginning and its numbers: costs, tuning, trainings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log
from typing import Any

from likely.core.errors import LikelyError
from likely.train._budgets import flops_of_step, steps_of, with_steps
from likely.train._doing import Doing, measured
from likely.train._judges import better
from likely.train._lattice import Point, edges, points
from likely.train._measures import mean
from likely.train._study_job import StudyJob, tuned_recipe, usual_knobs
from likely.train.comparison import ArmResult, Cost, Tried
from likely.train.recipe import Recipe


@dataclass(frozen=True)
class Costs:
    """What was measured before anything was trained.

    Args:
        arms: cost of a step, by arm.
        plain: seconds of a step of the study's recipe by plain cross-entropy, on this machine.
    """

    arms: Mapping[str, Cost]
    plain: float


def costs(job: StudyJob, doing: Doing) -> Costs:
    """Measure what a step of every arm costs; once, for good.

    Args:
        job: the study.
        doing: does the trials.

    Returns:
        The costs.
    """
    recipes = {arm: job.study.recipe_of(arm) for arm in job.study.arms}
    plain = {arm: _plain(recipe) for arm, recipe in recipes.items()}
    own = _plain(job.study.recipe)
    asked = list(dict.fromkeys(map(repr, [own, *plain.values(), *recipes.values()])))
    by_name = {repr(one): one for one in [own, *plain.values(), *recipes.values()]}
    trial = job.costs(tuple(by_name[name] for name in asked))
    doing.do([[trial]])
    found = measured(trial.path)["measures"]
    column = {name: place for place, name in enumerate(asked)}
    made = {}
    for arm, recipe in recipes.items():
        at, beside = column[repr(recipe)], column[repr(plain[arm])]
        tokens, parameters, second = (
            int(found[name][at]) for name in ("tokens", "parameters", "second_parameters")
        )
        made[arm] = Cost(
            seconds=found["seconds"][at],
            plain_seconds=found["seconds"][beside],
            memory=found["memory"][at],
            plain_memory=found["memory"][beside],
            flops=flops_of_step(tokens, parameters, {"all": second}),
            tokens=tokens,
            parameters=parameters,
        )
    return Costs(made, found["seconds"][column[repr(own)]])


def _plain(recipe: Recipe) -> Recipe:
    """The same step by cross-entropy; where pairs are compared, on both of their answers."""
    kind = "adapt" if recipe.kind == "align" else recipe.kind
    return replace(recipe, kind=kind, objective="cross_entropy", roles={}, also=())


@dataclass(frozen=True)
class Tuned:
    """What tuning found for one arm.

    Args:
        recipe: of the arm, with the best settings and the steps that its budget buys.
        tried: every trial; empty where nothing was tuned.
        best: the trial that was chosen.
        edges: sentences about it.
    """

    recipe: Recipe
    tried: tuple[Tried, ...]
    best: Point
    edges: tuple[str, ...]


def tune(job: StudyJob, doing: Doing, steps: Mapping[str, int]) -> dict[str, Tuned]:
    """Give every arm its trials, on seeds and text that no verdict uses.

    Args:
        job: the study.
        doing: does the trials.
        steps: of one training, by arm.

    Returns:
        What was found, by arm.

    Raises:
        LikelyError: an arm diverged whatever was tried.
    """
    study = job.study
    recipes = {arm: with_steps(study.recipe_of(arm), steps[arm]) for arm in study.arms}
    if not study.tuning.trials:
        return {arm: Tuned(one, (), Point(1.0, {}), ()) for arm, one in recipes.items()}
    tried = {arm: _points(job, arm, recipe) for arm, recipe in recipes.items()}
    trials = {
        (arm, place, seed): job.training(arm, tuned_recipe(recipes[arm], point), seed, tuning=True)
        for seed in study.tuning.seeds
        for place in range(study.tuning.trials)
        for arm, point in ((arm, tried[arm][place]) for arm in study.arms)
    }
    doing.do([[trial] for trial in trials.values()])
    found = {}
    for arm in study.arms:
        rows = [
            _row(point, [_primary(job, trials[arm, place, seed]) for seed in study.tuning.seeds])
            for place, point in enumerate(tried[arm])
        ]
        found[arm] = _best(job, arm, recipes[arm], tried[arm], rows)
    return found


def _points(job: StudyJob, arm: str, recipe: Recipe) -> list[Point]:
    tuning, grid = job.study.tuning, job.study.grid_of(arm)
    return points(tuning.trials, tuning.span, grid, usual_knobs(recipe, grid))


def _primary(job: StudyJob, trial: Any) -> float | None:
    found = measured(trial.path)["measures"]
    if found["diverged"]:
        return None
    if job.study.primary not in found:
        raise LikelyError(
            f"The measure {job.study.primary!r} decides, and no judge gives it. There are: "
            f"{', '.join(found)}."
        )
    return mean(found[job.study.primary])


def _row(point: Point, values: list[float | None]) -> Tried:
    whole = [value for value in values if value is not None]
    middle = sum(whole) / len(whole) if len(whole) == len(values) else None
    return Tried(point.rate, dict(point.knobs), tuple(values), middle)


def _best(job: StudyJob, arm: str, recipe: Recipe, tried: list[Point], rows: list[Tried]) -> Tuned:
    sign = 1 if better(job.study.primary) == "lower" else -1
    # Of equally good ones, such as trials that prefer as many pairs, the nearest to the usual rate.
    alive = [
        (sign * row.mean, abs(log(row.rate)), place)
        for place, row in enumerate(rows)
        if row.mean is not None
    ]
    if not alive:
        raise LikelyError(
            f"Arm {arm!r} diverged in every trial: give a lower learning rate (--lr), a longer "
            "warm-up or a smaller clip."
        )
    best = tried[min(alive)[-1]]
    said = edges(arm, best, tried, recipe.optimizer.lr)
    return Tuned(tuned_recipe(recipe, best), tuple(rows), best, said)


def train(
    job: StudyJob, doing: Doing, tuned: Mapping[str, Tuned], cost: Costs
) -> tuple[ArmResult, ...]:
    """Train every arm on every seed; arms are paired by it.

    Args:
        job: the study.
        doing: does the trials.
        tuned: what was found, by arm.
        cost: of steps.

    Returns:
        What became of the arms.
    """
    seeds = range(job.study.seeds)
    trials = {
        (arm, seed): job.training(arm, tuned[arm].recipe, seed, tuning=False)
        for seed in seeds
        for arm in job.study.arms
    }
    doing.do([[trial] for trial in trials.values()])
    return tuple(
        _result(arm, tuned[arm], cost.arms[arm], [measured(trials[arm, s].path) for s in seeds])
        for arm in job.study.arms
    )


def _result(arm: str, tuned: Tuned, cost: Cost, found: list[Mapping[str, Any]]) -> ArmResult:
    from dataclasses import asdict

    alive = [row["measures"] for row in found if not row["measures"]["diverged"]]
    names = dict.fromkeys(name for row in alive for name in row if name != "diverged")
    measures = {
        name: tuple(
            mean(row["measures"][name]) if name in row["measures"] else None for row in found
        )
        for name in names
    }
    chosen = {"learning rate": tuned.recipe.optimizer.lr, **tuned.best.knobs}
    return ArmResult(
        name=arm,
        recipe=asdict(replace(tuned.recipe, seed=0)),
        tried=tuned.tried,
        chosen=chosen,
        edges=tuned.edges,
        steps=tuned.recipe.steps,
        cost=cost,
        measures=measures,
        seconds=tuple(round(row["wall_seconds"], 3) for row in found),
    )


def steps_by_arm(job: StudyJob, cost: Costs) -> dict[str, int]:
    """How many steps the budget buys each arm.

    Args:
        job: the study.
        cost: of steps.

    Returns:
        Steps of one training, by arm.
    """
    return {arm: steps_of(job.study.budget, one, cost.plain) for arm, one in cost.arms.items()}
