"""A first run from nothing but text: choose sizes, and say what was chosen and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from accelerate import Accelerator

from likely.core.errors import LikelyError
from likely.data.tokens import Tokens
from likely.models.load import positions_at
from likely.train import sizes
from likely.train._check import build, trainable
from likely.train._first import from_first
from likely.train._share import share
from likely.train._speed import tokens_per_second
from likely.train.precision import fast_precision
from likely.train.recipe import Recipe, gentle_rate
from likely.train.sizes import SHAPES, Shape

MINUTES = 2.0
_FEED_FORWARD_RATE = 5e-3
_RATES = {"pretrained": 5e-5}
"""What has learned already is moved in small steps, or it forgets."""


@dataclass(frozen=True)
class Choice:
    """A recipe and why it is as it is.

    Args:
        recipe: complete.
        why: lines for a person to read.
    """

    recipe: Recipe
    why: tuple[str, ...]


def choose(
    given: Mapping[str, Any],
    train: Tokens,
    validation: Tokens,
    minutes: float | None,
    accelerator: Accelerator,
) -> Choice:
    """Choose what was not given, for this text and this machine.

    Args:
        given: fields of the recipe; they win.
        train: training text.
        validation: what is looked at.
        minutes: of training at most; None for the default.
        accelerator: the processes and the device.

    Returns:
        A complete recipe and the reasons.
    """
    shape = largest = sizes.shape_of(len(train.ids))
    seconds = 60 * (MINUTES if minutes is None else minutes)
    world = accelerator.num_processes
    recipe, speed = _recipe(given, shape, world), 0.0
    while "steps" not in given:
        speed = _speed(recipe, train, accelerator)
        fits = sizes.suits_the_machine(shape, len(train.ids), speed, seconds)
        if "model" in given or "start" in given or fits or shape == SHAPES[0]:
            break
        shape = sizes.smaller(shape)
        recipe = _recipe(given, shape, world)
    recipe = _with_steps(recipe, given, train, validation, speed, seconds)
    why = (
        _about_model(recipe, given, shape, largest),
        _about_steps(recipe, given, len(train.ids), speed, seconds, _machine(accelerator)),
        *_about_processes(recipe, world),
    )
    return Choice(recipe, why)


def checked(given: Mapping[str, Any], processes: int) -> Recipe:
    """What was given as a recipe, with the smallest sizes; raises what is wrong with it at once.

    Args:
        given: fields of the recipe.
        processes: that share each step.

    Returns:
        A recipe that names the text; its sizes mean nothing yet.
    """
    recipe = _recipe(given, SHAPES[0], processes)
    share(recipe, processes)
    return recipe


def _speed(recipe: Recipe, train: Tokens, accelerator: Accelerator) -> float:
    measured = tokens_per_second(recipe, train, accelerator)
    return from_first(accelerator, lambda: measured)


def _recipe(given: Mapping[str, Any], shape: Shape, processes: int = 1) -> Recipe:
    """The recipe with the sizes of a shape; without `steps` it has those of the default.

    Rows that are not given are as many as the processes can share.
    """
    values: dict[str, Any] = {
        "model": shape.model,
        "length": shape.length,
        "rows": -(-shape.rows // processes) * processes,
        "precision": fast_precision(),
        **given,
        "schedule": {"warmup": 0.1, "floor": 0.0, **given.get("schedule", {})},
    }
    usual: dict[str, Any] = {"name": "muon", "lr": shape.lr}
    if start := given.get("start"):
        usual = {"name": "adamw", "lr": _rate(given)}
        if "length" not in given:
            values["length"] = min(shape.length, positions_at(start) or shape.length)
        if "model" not in given:
            del values["model"]
    elif "model" not in given and "length" in given:
        values["model"] = _with_context(shape, given["length"])
    elif "model" in given:
        kind, settings = _kind(given["model"])
        if kind == "transformer" and "length" not in given:
            values["length"] = min(shape.length, settings.get("context", 256))
        if kind != "transformer":
            usual = {"name": "adamw", "lr": _RATES.get(kind, _FEED_FORWARD_RATE)}
        if kind == "pretrained":
            values.setdefault("tokenizer", f"pretrained(path={settings['path']!r})")
    told = given.get("optimizer", {})
    same = told.get("name", usual["name"]) == usual["name"]
    values["optimizer"] = {**usual, **told} if same else told
    return build(values, "likely train")


def _rate(given: Mapping[str, Any]) -> float | None:
    rank = given.get("lora", {}).get("rank", 0)
    return gentle_rate(given.get("kind", Recipe.kind), given["start"], rank)


def _kind(model: str) -> tuple[str, dict[str, Any]]:
    """Name and settings of a model; nothing where `build` will find it wrong."""
    try:
        entry, settings = trainable(model)
    except LikelyError:
        return "", {}
    return entry.__name__, settings


def _with_context(shape: Shape, length: Any) -> str:
    """The shape's transformer for windows of another length."""
    context = length if isinstance(length, int) and length > 1 else shape.length
    return replace(shape, length=context).model


def _with_steps(
    recipe: Recipe,
    given: Mapping[str, Any],
    train: Tokens,
    validation: Tokens,
    speed: float,
    seconds: float,
) -> Recipe:
    """The recipe with as many steps as text and time allow, and what follows from them."""
    step = recipe.rows * recipe.length * recipe.accumulate
    steps = recipe.steps
    if "steps" not in given:
        steps = sizes.steps_of(len(train.ids), step, speed, seconds)
    looks = sizes.looks_of(steps, step, len(validation.ids))
    schedule = recipe.schedule
    if schedule.warmup > steps:
        schedule = replace(schedule, warmup=steps // 10)
    return replace(
        recipe,
        steps=steps,
        schedule=schedule,
        evaluate_every=-(-steps // looks),
        checkpoint_every=-(-steps // 4),
        log_every=max(1, steps // 100),
    )


def _about_model(recipe: Recipe, given: Mapping[str, Any], shape: Shape, largest: Shape) -> str:
    if recipe.start:
        return f"Model: {recipe.start}, to begin from; steps of {_optimizer(recipe)}."
    if "model" in given:
        return f"Model: {recipe.model}, as you said; steps of {_optimizer(recipe)}."
    if shape != largest:
        reason = "a larger one would not learn enough in the time (--minutes)"
    elif shape == SHAPES[-1]:
        reason = "the largest that is chosen without --model"
    else:
        more = SHAPES[SHAPES.index(shape) + 1].text
        reason = f"a larger one wants more text (from {more:,} tokens on)"
    return f"Model: {recipe.model}, steps of {_optimizer(recipe)}; {reason}."


def _optimizer(recipe: Recipe) -> str:
    return f"{recipe.optimizer.name} at rate {recipe.optimizer.lr:g}"


def _about_steps(
    recipe: Recipe,
    given: Mapping[str, Any],
    tokens: int,
    speed: float,
    seconds: float,
    machine: str,
) -> str:
    step = recipe.rows * recipe.length * recipe.accumulate
    passes = recipe.steps * step / tokens
    said = (
        f"Steps: {recipe.steps:,} of {recipe.rows * recipe.accumulate} × {recipe.length} tokens "
        f"= {passes:.3g} passes over the text"
    )
    if "steps" in given:
        return f"{said}, as you said{_heart(passes)}."
    took = _time(recipe.steps * step / speed)
    said = f"{said}, {took} at the {speed:,.0f} tokens/s measured on {machine}"
    if recipe.steps * step < 0.9 * speed * seconds:
        return f"{said}; more passes would begin to learn it by heart."
    return f"{said}; --minutes {2 * seconds / 60:g} would read more."


def _machine(accelerator: Accelerator) -> str:
    if accelerator.device.type != "cpu":
        return "the GPU"
    cores = torch.get_num_threads() * accelerator.num_processes
    return f"{cores} core{'s' if cores > 1 else ''}"


def _heart(passes: float) -> str:
    if passes <= 2 * sizes.MOST_PASSES:
        return ""
    return f"; beyond {sizes.MOST_PASSES} it begins to learn the text by heart"


def _about_processes(recipe: Recipe, processes: int) -> tuple[str, ...]:
    if processes == 1:
        return ()
    rows, accumulate = share(recipe, processes)
    return (
        f"Processes: {processes}, each with {rows * accumulate} of the "
        f"{recipe.rows * recipe.accumulate} windows of a step, so that the losses are those of one "
        "process.",
    )


def _time(seconds: float) -> str:
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {10 * round(seconds / 10)} seconds"
    minutes = seconds / 60
    return f"about {minutes:.2g} minutes" if minutes < 90 else f"about {minutes / 60:.2g} hours"
