"""Plain data as a study: every arm built, every problem told at once."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from likely.core.bind import bind
from likely.core.errors import BadSetting, LikelyError, did_you_mean
from likely.core.settings import check, parse
from likely.train._check import build as build_recipe
from likely.train._check import table_of
from likely.train._judges import check_judges, not_installed, usual
from likely.train._kinds import FROM_EXAMPLES
from likely.train._material_check import unread, wrong
from likely.train.recipe import Recipe
from likely.train.study import Arm, Study, merged
from likely.train.study_material import StudyMaterial

_TEXT = ("data", "field", "on_error")
_STUDY = ("steps", "seed")
"""Fields of a recipe that belong to the study, not to an arm."""


def build(data: Mapping[str, Any], where: str) -> Study:
    """A study from plain data.

    Args:
        data: fields of `Study`; arms as a text (an objective) or as a table of changes.
        where: where the data come from, for the message.

    Returns:
        The study.

    Raises:
        BadSetting: everything that is wrong with it.
    """
    problems: list[str] = []
    plain = {name: value for name, value in data.items() if name not in ("recipe", "arms")}
    values = table_of(Study, plain, "", problems)
    recipe = _recipe(data.get("recipe", {}), problems)
    arms = _arms(data.get("arms", {}), problems)
    recipes = _recipes(recipe, arms, problems) if recipe else {}
    for name, made in recipes.items():
        problems += _grid(name, made.objective, arms[name].grid)
    problems += _alike(recipes, arms)
    kind = recipe.kind if recipe else Recipe.kind
    problems += (mixed := _kinds(kind, recipes))
    # What judges look at where nobody said so depends on what is read.
    values = {**usual(kind), **values}
    problems += _baseline(values.get("baseline", next(iter(arms), "")), arms)
    material = values.get("material", StudyMaterial())
    problems += [*wrong(material), *unread(material, kind)]
    told = ("judges", "primary", "material")
    if not mixed and not any(problem.startswith(told) for problem in problems):
        judges, primary = (values.get(name, getattr(Study, name)) for name in ("judges", "primary"))
        problems += check_judges(judges, primary, material, kind)
    seeds = values["tuning"].seeds if "tuning" in values else (0,)
    if not seeds or len(set(seeds)) < len(seeds):
        problems.append(f"tuning.seeds={list(seeds)} should be different numbers, one at least.")
    if problems or recipe is None:
        raise BadSetting(where, problems)
    return Study(**{"baseline": next(iter(arms)), **values, "recipe": recipe, "arms": arms})


def _recipe(data: Any, problems: list[str]) -> Recipe | None:
    if not isinstance(data, Mapping):
        problems.append("recipe should be a table.")
        return None
    try:
        return build_recipe(data, "recipe")
    except BadSetting as problem:
        problems += [f"recipe.{one}" for one in problem.problems]
        return None


def _arms(data: Any, problems: list[str]) -> dict[str, Arm]:
    arms = {}
    for name, given in data.items() if isinstance(data, Mapping) else ():
        if isinstance(given, str):
            arms[name] = Arm({"objective": given})
        elif isinstance(given, Mapping):
            grid = given.get("grid")
            tried = None if grid is None else _tried(name, grid, problems)
            arms[name] = Arm({k: v for k, v in given.items() if k != "grid"}, tried)
        else:
            problems.append(f"arms.{name} should be an objective or a table.")
    if len(arms) < 2:
        problems.append(
            f"arms: there are {len(arms)}, and a comparison needs two at least, such as "
            "cross_entropy and what shall be better."
        )
    return arms


def _tried(name: str, grid: Any, problems: list[str]) -> dict[str, tuple[Any, ...]]:
    if not isinstance(grid, Mapping) or not all(isinstance(v, list | tuple) for v in grid.values()):
        problems.append(f"arms.{name}.grid should be a table of lists: grid.gamma = [1.0, 2.0].")
        return {}
    return {knob: tuple(values) for knob, values in grid.items()}


def _recipes(recipe: Recipe, arms: Mapping[str, Arm], problems: list[str]) -> dict[str, Recipe]:
    made = {}
    for name, arm in arms.items():
        for field in (*_TEXT, *_STUDY):
            if field in arm.changes:
                problems.append(
                    f"arms.{name}.{field} cannot be an arm's own: all arms read the same text, and "
                    "the study chooses steps and seeds."
                )
        try:
            made[name] = build_recipe(merged(asdict(recipe), arm.changes), name)
        except BadSetting as problem:
            problems += [f"arms.{name}.{one}" for one in problem.problems]
    return made


def _grid(arm: str, objective: str, grid: Mapping[str, tuple[Any, ...]] | None) -> list[str]:
    problems = []
    _, fixed = parse(objective)
    entry = bind(objective).entry
    for knob, values in (grid or {}).items():
        where = f"arms.{arm}.grid.{knob}"
        if knob in fixed:
            problems.append(f"{where}: {objective!r} says it already: leave it out in one place.")
        if not values:
            problems.append(f"{where} should have a value at least.")
        for value in values:
            try:
                check(where, entry, {knob: value}, complete=False)
            except BadSetting as problem:
                problems += [f"{where}: {one}" for one in problem.problems]
    return list(dict.fromkeys(problems))


def _alike(recipes: Mapping[str, Recipe], arms: Mapping[str, Arm]) -> list[str]:
    seen: dict[str, str] = {}
    problems = []
    for name, recipe in recipes.items():
        bound = {**asdict(recipe), "objective": str(bind(recipe.objective))}
        key = repr((bound, arms[name].grid, bool(parse(recipe.objective)[1])))
        if key in seen:
            problems.append(f"arms.{name} is the same as arms.{seen[key]}: leave one of them out.")
        seen.setdefault(key, name)
    return problems


def _kinds(kind: str, recipes: Mapping[str, Recipe]) -> list[str]:
    """What is read decides how it is split, so one kind of examples must be that of all."""
    kinds = {"recipe": kind, **{f"arms.{name}": one.kind for name, one in recipes.items()}}
    if drawn := [where for where, one in kinds.items() if one == "sharpen"]:
        return [
            f"{drawn[0]}: kind='sharpen' draws its own answers, whose cost no budget of a study "
            "counts: compare recipes of kind pretrain, distil, adapt or align."
        ]
    return [
        f"{where}: kind={one!r} reads something else than kind={kind!r} of the recipe that all "
        "arms share: give all of them the same kind."
        for where, one in kinds.items()
        if one != kind and {one, kind} & set(FROM_EXAMPLES)
    ]


def _baseline(baseline: str, arms: Mapping[str, Arm]) -> list[str]:
    if baseline in arms or not arms:
        return []
    near = did_you_mean(baseline, arms)
    return [f"baseline={baseline!r} is none of the arms.{near} There are: {', '.join(arms)}."]


def lacking(study: Study, columns: Mapping[str, Any]) -> list[str]:
    """What arms read that the data do not have, and judges that lack a library.

    Args:
        study: names the arms and the judges.
        columns: what is known of every target beside the text.

    Returns:
        One sentence each, which says how to get it.
    """
    from likely.models._second import compared_with, missing
    from likely.models.evaluate import remedy

    problems = not_installed(study.judges)
    for arm in study.arms:
        recipe = study.recipe_of(arm)
        entry = bind(recipe.objective)
        pairs = recipe.kind == "align"
        roles = {*recipe.roles, *(("reference",) if pairs else ())}  # As the model starts.
        inside = (*_OF_BATCH, *(("pair",) if pairs else ()))
        read = "these examples do" if recipe.kind in FROM_EXAMPLES else "plain text does"
        try:
            wires = entry.wires()
        except LikelyError:  # Only its own `wants` knows the names, and needs a batch for that.
            continue
        for role in compared_with(entry):
            if role not in roles:
                problems.append(f"arms.{arm}: {entry.name} needs a second model {missing(role)}")
        for wire in wires:
            there = wire.name in columns or wire.role in roles or wire.optional
            is_field = wire.kind == "field" and wire.name in inside
            if wire.kind in ("field", "role") and not (there or is_field):
                problems.append(
                    f"arms.{arm}: {entry.name} reads {wire.name!r}, which {read} not have. "
                    f"{remedy(entry, wire)}"
                )
    return problems


_OF_BATCH = ("ids", "target", "segment", "position", "weight", "document")
