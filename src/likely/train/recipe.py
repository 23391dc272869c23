"""Recipes: everything a run depends on, as frozen dataclasses and as a TOML file."""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from annotated_types import Ge

from likely.core.errors import BadInput, BadSetting
from likely.train._lines import read_toml, with_lines
from likely.train.tables import Lora, Optimizer, Rollouts, Schedule

__all__ = ["Lora", "Optimizer", "Recipe", "Rollouts", "Schedule", "load_recipe", "to_toml"]

FORMAT = 1
"""Of `recipe.toml`, and with it of the whole run folder."""
Kind = Literal["pretrain", "adapt", "align", "distil", "sharpen"]
OBJECTIVES: Mapping[str, str] = {
    "pretrain": "cross_entropy",
    "adapt": "cross_entropy",
    "align": "dpop(beta=0.1, penalty=0)",
    "distil": "plackett_luce",
    "sharpen": "cross_entropy",
}
"""What each kind is trained by where the recipe leaves it out; dpop without penalty is DPO."""
GENTLE = {"align": 1e-5, "lora": 2e-4, "start": 5e-5}
"""Rates of AdamW for what has learned already: large steps would make it forget."""


_BY_KIND, _OF_KIND = cast(Optimizer, None), cast(str, None)
"""Stand where a value depends on the kind, until `Recipe` puts it there."""


@dataclass(frozen=True)
class Recipe:
    """Everything one run depends on.

    Args:
        kind: what is read and what is learned from it. `pretrain`: windows of text. `adapt`:
            prompts with completions, or conversations, of which the answers are learned. `align`:
            pairs of answers, of which the first is wanted. `distil`: text, and what a teacher says
            of it. `sharpen`: prompts, answered by the model itself, of which it learns the answer
            that it finds likeliest.
        start: a model to begin from, in place of a new `model` and its `tokenizer`: a folder or
            run, or `hub:OWNER/NAME`.
        model: a model that gradients can train, with settings: `transformer(layers=2)`. Its
            `seed`, where it takes one and none is given, is that of the recipe.
        lora: low-rank adapters in place of training all of the model.
        objective: a loss, with settings: `focal(gamma=2)`. Left out, it depends on the kind.
        objective_after: steps that are trained by cross_entropy before the objective begins.
        data: what `likely.data.files.read` reads (files, folders, patterns, addresses, data sets),
            or `embedded`; of `adapt`, `align` and `sharpen`, what
            `likely.data.example_files.read_examples` reads.
        field: the field or column that holds the text.
        on_error: whether what cannot be read stops the run, or is skipped and listed.
        tokenizer: how text becomes ids, with settings: `bpe(size=1000)`; made from the training
            part alone.
        steps: optimiser steps.
        length: positions of a window.
        rows: windows of a micro batch.
        accumulate: micro batches of a step, over all processes together: a step reads rows ×
            accumulate windows, however many processes share them.
        seed: of the data order, the model's start, dropout and objectives that draw.
        precision: `bfloat16` computes forward passes under autocast; weights stay float32.
        roles: second readers by role (`reference`, `teacher`): folders of models. The reference
            of `align`, where it is left out, is the model as it was at the start.
        columns: sidecars that are attached to what is trained on: folders that `likely measure`
            wrote. What they hold is read in place of a model in their role.
        rollouts: answers that `sharpen` draws.
        optimizer: how gradients become steps.
        schedule: how the learning rate changes.
        evaluate_every: steps between evaluations on validation text; 0 for only the last.
        checkpoint_every: steps between checkpoints; 0 for only the last.
        log_every: steps between rows of `metrics.jsonl`.
        also: statistics to log beside the loss: their means over the tokens that count.
    """

    kind: Kind = "pretrain"
    start: str = ""
    model: str = "transformer"
    lora: Lora = dataclasses.field(default_factory=Lora)
    objective: str = _OF_KIND
    objective_after: Annotated[int, Ge(0)] = 0
    data: tuple[str, ...] = ("embedded",)
    field: str = "text"
    on_error: Literal["raise", "skip"] = "raise"
    tokenizer: str = "bytes"
    steps: Annotated[int, Ge(1)] = 1000
    length: Annotated[int, Ge(2)] = 256
    rows: Annotated[int, Ge(1)] = 16
    accumulate: Annotated[int, Ge(1)] = 1
    seed: Annotated[int, Ge(0)] = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    roles: Mapping[str, str] = dataclasses.field(default_factory=dict)
    columns: tuple[str, ...] = ()
    rollouts: Rollouts = dataclasses.field(default_factory=Rollouts)
    optimizer: Optimizer = _BY_KIND
    schedule: Schedule = dataclasses.field(default_factory=Schedule)
    evaluate_every: Annotated[int, Ge(0)] = 500
    checkpoint_every: Annotated[int, Ge(0)] = 500
    log_every: Annotated[int, Ge(1)] = 10
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.objective is None:
            object.__setattr__(self, "objective", OBJECTIVES.get(self.kind, "cross_entropy"))
        if self.optimizer is None:
            rate = gentle_rate(self.kind, self.start, self.lora.rank)
            object.__setattr__(
                self, "optimizer", Optimizer() if rate is None else Optimizer(lr=rate)
            )


def gentle_rate(kind: str, start: str, rank: int) -> float | None:
    """The learning rate of AdamW for a model that has learned already.

    Args:
        kind: of the recipe.
        start: of the recipe.
        rank: of its adapters.

    Returns:
        A rate; None for a model that begins at random.

    Example:
        >>> gentle_rate("adapt", "some/model", 0), gentle_rate("adapt", "some/model", 8)
        (5e-05, 0.0002)
    """
    if rank > 0:
        return GENTLE["lora"]
    if not start:
        return None
    return GENTLE["align"] if kind == "align" else GENTLE["start"]


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe; what the file leaves out has its default.

    Args:
        path: a TOML file with the fields of `Recipe` and tables `optimizer`, `schedule`, `lora`,
            `rollouts`, `roles`.

    Returns:
        The recipe.

    Raises:
        BadInput: the file is not there or is no TOML.
        BadSetting: unknown names, wrong types, values out of range, all at once.
    """
    from likely.train._check import build

    path = Path(path)
    text, data = read_toml(
        path,
        "recipe",
        "a TOML file, such as the recipe.toml of a run",
        f"a recipe, such as the recipe.toml of a run; text to train on is named by --data {path}",
    )
    if data.pop("format", FORMAT) != FORMAT:
        raise BadInput(
            f"{path}: this recipe has another format than {FORMAT}, the one that this version of "
            "likely reads: install a newer likely."
        )
    try:
        return build(data, str(path))
    except BadSetting as problem:
        raise BadSetting(str(path), with_lines(problem.problems, text)) from None


def parse_recipe(text: str) -> Recipe:
    """Read what `to_toml` wrote.

    Args:
        text: a recipe as TOML.

    Returns:
        The recipe.

    Raises:
        BadSetting: unknown names, wrong types, values out of range, all at once.

    Example:
        >>> parse_recipe(to_toml(Recipe(steps=500))).steps
        500
    """
    from likely.train._check import build

    data = tomllib.loads(text)
    data.pop("format", None)
    return build(data, "recipe")


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """The same recipe with another order of the data and other first weights.

    Args:
        recipe: what to change.
        seed: its seed.

    Returns:
        Another recipe.
    """
    return dataclasses.replace(recipe, seed=seed)


def to_toml(recipe: Recipe) -> str:
    """The recipe as TOML, with every field, so that it still means the same when defaults change.

    Args:
        recipe: what to write.

    Returns:
        Text that `load_recipe` reads back.
    """
    import tomli_w

    return tomli_w.dumps({"format": FORMAT, **asdict(recipe)})


def differences(old: Recipe, new: Recipe) -> list[str]:
    """What has changed between two recipes.

    Args:
        old: the first.
        new: the second.

    Returns:
        One sentence a field; empty where they are equal.

    Example:
        >>> differences(Recipe(), Recipe(steps=5))
        ['steps was 1000 and is 5.']
    """
    before, after = _flat(asdict(old)), _flat(asdict(new))
    names = [*before, *(name for name in after if name not in before)]
    return [
        f"{name} was {before.get(name)!r} and is {after.get(name)!r}."
        for name in names
        if before.get(name) != after.get(name)
    ]


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
