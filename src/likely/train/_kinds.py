"""What each kind of recipe asks for, beyond the range of its fields."""

from likely.core.bind import bind
from likely.core.errors import LikelyError
from likely.train.recipe import Recipe

FROM_EXAMPLES = ("adapt", "align", "sharpen")
"""Kinds that read prompts with answers, and not windows of text."""


def problems(recipe: Recipe) -> list[str]:
    """Words that do not go together.

    Args:
        recipe: each field of which is in its range.

    Returns:
        Sentences; none where all is well.
    """
    return _about_start(recipe) + _about_objective(recipe)


def _about_start(recipe: Recipe) -> list[str]:
    if not recipe.start:
        return []
    chosen = {"model": recipe.model, "tokenizer": recipe.tokenizer}
    return [
        f"{name}={value!r} makes a new one, and start={recipe.start!r} names a model that is there "
        "already: leave one of them out."
        for name, value in chosen.items()
        if value != getattr(Recipe, name)
    ]


def _about_objective(recipe: Recipe) -> list[str]:
    try:
        objective = bind(recipe.objective)
    except LikelyError as problem:  # Told where it was given; a default may be missing.
        return [f"objective: {problem}"]
    found = []
    if recipe.kind == "align" and objective.unit != "P":
        found.append(
            f"objective={recipe.objective!r} gives one value a unit {objective.unit!r}, and "
            "kind='align' compares pairs of answers: take one with a value a pair, such as 'dpop' "
            "or 'r_dpo', or kind='adapt'."
        )
    if recipe.kind != "align" and objective.unit == "P":
        found.append(
            f"objective={recipe.objective!r} compares pairs of answers, which kind="
            f"{recipe.kind!r} does not read: take kind='align'."
        )
    if recipe.objective_after and objective.unit == "P":
        found.append(
            f"objective_after={recipe.objective_after} would first train both answers of a pair "
            "alike: leave it out, and begin from a model that kind='adapt' has made."
        )
    if recipe.objective_after > recipe.steps:
        found.append(
            f"objective_after={recipe.objective_after} should be at most steps={recipe.steps}."
        )
    return found
