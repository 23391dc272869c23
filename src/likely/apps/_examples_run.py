"""A run on prompts with answers from the command line: sizes are chosen, and said with why."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from likely.apps._console import messages
from likely.apps._run_folder import folder_of
from likely.apps._training import Order, train
from likely.core.errors import BadSetting
from likely.models.load import positions_at, vocabulary_at
from likely.train import _examples, _setup
from likely.train._check import build
from likely.train._first import from_first
from likely.train._reading import prompts_of
from likely.train._share import share
from likely.train.precision import fast_precision
from likely.train.recipe import Recipe
from likely.train.tables import Rollouts

_WHERE = "likely train"
PASSES, ROWS, LENGTH = 3, 8, 1024
"""Passes over the examples, examples a step, and tokens of a prompt with its answer at most."""


def from_examples(order: Order) -> None:
    """Choose sizes for the examples that were given, and train.

    Args:
        order: what was asked for.

    Raises:
        BadSetting: no examples, no model to begin from, or a time.
    """
    given = dict(order.given)
    _check(given, order)
    accelerator = _setup.processes(order.device)
    world = accelerator.num_processes
    recipe = sized(given, world, _WHERE)
    share(recipe, world)
    folder = folder_of(order.out, recipe.data, accelerator)
    count, said = from_first(accelerator, lambda: _counted(recipe))
    recipe = with_steps(recipe, given.get("steps") or steps_of(recipe, count))
    passes = recipe.steps * recipe.rows * recipe.accumulate / count
    for line in (
        said,
        about_model(recipe, f", by {recipe.objective}"),
        f"Steps: {recipe.steps:,} of {recipe.rows * recipe.accumulate} examples = {passes:.3g} "
        "passes over them.",
        f"Folder: {folder}",
    ):
        messages().print(line)
    train(recipe, folder, None, order, resume=False)


def _check(given: dict[str, Any], order: Order) -> None:
    kind = given["kind"]
    problems = []
    if "data" not in given:
        what = "prompts" if kind == "sharpen" else "prompts with answers"
        problems.append(f"No {what} were given: --data FILE.jsonl.")
    if "start" not in given:
        problems.append(
            f"--kind {kind} begins from a model: name one with --start (a folder or run, or "
            "hub:OWNER/NAME); what trains a new one is --kind pretrain."
        )
    if order.minutes is not None:
        problems.append(f"--kind {kind} is measured in passes over its examples: give --steps.")
    if problems:
        raise BadSetting(_WHERE, problems)


def _counted(recipe: Recipe) -> tuple[int, str]:
    """How many examples there are to train on, and a line about them."""
    vocabulary = vocabulary_at(recipe.start)
    if recipe.kind == "sharpen":
        many = len(prompts_of(recipe, vocabulary))
        away = many // _examples.ONE_IN
        draws = recipe.rollouts.count * many
        return (
            many - away,
            f"Prompts: {many}, of which {away} are kept to look at; {draws:,} answers.",
        )
    train_, validation = _examples.read_both(recipe, vocabulary)
    away = 0 if validation is None else len(validation)
    said = f"Examples: {len(train_)} to train on, {away} to look at meanwhile (validation)."
    if cut := len(train_.shortened):
        said += f" The prompts of {cut} are shortened to --length {recipe.length}."
    if left := len(train_.left_out):
        said += f" {left} are left out: their answers alone are longer than that."
    return len(train_), said


def sized(given: Mapping[str, Any], processes: int, where: str) -> Recipe:
    """What was given as a recipe, with sizes for examples.

    Args:
        given: fields of the recipe, among them where it starts; they win.
        processes: that share each step.
        where: the command, for messages.

    Returns:
        A recipe; its steps mean nothing yet.
    """
    values: dict[str, Any] = {
        "rows": -(-ROWS // processes) * processes,
        "length": min(positions_at(given["start"]) or LENGTH, LENGTH),
        "precision": fast_precision(),
        **given,
        "schedule": {"warmup": 0.1, "floor": 0.0, **given.get("schedule", {})},
    }
    room = max(values["length"] // 2, 1)
    drawn = {"tokens": min(Rollouts.tokens, room), **given.get("rollouts", {})}
    return build({**values, "rollouts": drawn}, where)


def about_model(recipe: Recipe, more: str = "") -> str:
    """What is trained, in a line.

    Args:
        recipe: with its start.
        more: what else is said of it.

    Returns:
        A sentence.
    """
    what = f"adapters of rank {recipe.lora.rank}" if recipe.lora.rank else "all weights"
    one = recipe.optimizer
    return f"Model: {recipe.start}, {what}{more}; steps of {one.name} at rate {one.lr:g}."


def steps_of(recipe: Recipe, count: int) -> int:
    """Steps that read all examples a few times.

    Args:
        recipe: says how many a step reads.
        count: how many there are.

    Returns:
        1 at least.
    """
    return max(-(-PASSES * count // (recipe.rows * recipe.accumulate)), 1)


def with_steps(recipe: Recipe, steps: int) -> Recipe:
    """The recipe with so many steps, and what follows from them.

    Args:
        recipe: to change.
        steps: how many.

    Returns:
        Another recipe.
    """
    return replace(
        recipe,
        steps=steps,
        evaluate_every=-(-steps // 4),
        checkpoint_every=-(-steps // 4),
        log_every=max(1, steps // 100),
    )
