"""Recipes: everything a run depends on, as frozen dataclasses and as a TOML file."""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from annotated_types import Ge, Gt, Le, Lt

from likely.core.errors import BadInput, BadSetting
from likely.train._lines import read_toml, with_lines

FORMAT = 1
"""Of `recipe.toml`, and with it of the whole run folder."""

_BY_NAME = cast(float, None)
"""Stands where a number depends on the optimiser's name, until `Optimizer` puts it there."""
SUITS: Mapping[str, Mapping[str, float]] = {
    "adamw": {"lr": 3e-3, "weight_decay": 0.1, "momentum": 0.95},
    "muon": {"lr": 3e-3, "weight_decay": 0.1, "momentum": 0.95},
    "sgd": {"lr": 0.1, "weight_decay": 1e-4, "momentum": 0.9},
    "sign": {"lr": 1e-3, "weight_decay": 0.1, "momentum": 0.9},
}
"""What suits each optimiser where the recipe leaves it out; measured in docs/log.md."""


@dataclass(frozen=True)
class Optimizer:
    """How gradients become steps.

    Weight decay acts on matrices (two axes or more), embeddings and head too; biases and the
    scales of norms are left alone. It is decoupled, except that `sgd` adds it to the gradient, as
    `torch.optim.SGD` does. What is left out gets the value that suits the name.

    Args:
        name: `adamw` (Loshchilov and Hutter, 2019, arXiv:1711.05101); `muon` for the matrices
            inside the network and AdamW for embeddings, head and everything else; `sgd` with
            momentum; `sign`, which moves every number by the same amount.
        lr: the highest learning rate; the schedule scales it. Left out: 0.003 for adamw and muon,
            0.1 for sgd, 0.001 for sign.
        beta1: memory of the gradient, of AdamW.
        beta2: memory of its square.
        epsilon: added to the root of the second moment.
        weight_decay: share of a matrix that one step at rate 1 would take away. Left out: 0.1, and
            0.0001 for sgd.
        momentum: memory of the gradient, of all but AdamW. Left out: 0.95, and 0.9 for sgd and
            sign.
        nesterov: whether sgd looks one step ahead.
        clip: largest norm of the gradient, after its division by Σ weight; 0 for no limit.

    Example:
        >>> Optimizer("sgd").lr, Optimizer("sgd", lr=0.5).lr
        (0.1, 0.5)
    """

    name: Literal["adamw", "muon", "sgd", "sign"] = "adamw"
    lr: Annotated[float, Gt(0), Lt(inf)] = _BY_NAME
    beta1: Annotated[float, Ge(0), Lt(1)] = 0.9
    beta2: Annotated[float, Ge(0), Lt(1)] = 0.95
    epsilon: Annotated[float, Gt(0), Lt(inf)] = 1e-8
    weight_decay: Annotated[float, Ge(0), Lt(inf)] = _BY_NAME
    momentum: Annotated[float, Ge(0), Lt(1)] = _BY_NAME
    nesterov: bool = False
    clip: Annotated[float, Ge(0), Lt(inf)] = 1.0

    def __post_init__(self) -> None:
        for name, value in SUITS.get(self.name, SUITS["adamw"]).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Schedule:
    """How the learning rate changes over a run; see `likely.train.schedule`.

    Args:
        name: `cosine`, `linear`, `inverse_sqrt`, `wsd` (warm-up, stable, decay) or `constant`.
        warmup: linear warm-up, in steps, or below 1 as a share of the run.
        decay_share: share of the steps that `wsd` decays over, at the end.
        decay: the line along which `wsd` decays: `linear`, `sqrt` (one minus the root) or `cosine`.
        floor: where `cosine`, `linear` and `wsd` end, as a factor of the highest rate.
    """

    name: Literal["cosine", "linear", "inverse_sqrt", "wsd", "constant"] = "cosine"
    warmup: Annotated[int, Ge(0)] | Annotated[float, Gt(0), Lt(1)] = 50
    decay_share: Annotated[float, Gt(0), Le(1)] = 0.2
    decay: Literal["linear", "sqrt", "cosine"] = "linear"
    floor: Annotated[float, Ge(0), Le(1)] = 0.1


@dataclass(frozen=True)
class Recipe:
    """Everything one run depends on.

    Args:
        model: a model that gradients can train, with settings: `transformer(layers=2)`. Its
            `seed`, where it takes one and none is given, is that of the recipe.
        objective: a loss, with settings: `focal(gamma=2)`.
        data: what `likely.data.files.read` reads (files, folders, patterns, addresses, data sets),
            or `embedded`.
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
        roles: second readers by role (`reference`, `teacher`): folders of models.
        optimizer: how gradients become steps.
        schedule: how the learning rate changes.
        evaluate_every: steps between evaluations on validation text; 0 for only the last.
        checkpoint_every: steps between checkpoints; 0 for only the last.
        log_every: steps between rows of `metrics.jsonl`.
        also: statistics to log beside the loss: their means over the tokens that count.
    """

    model: str = "transformer"
    objective: str = "cross_entropy"
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
    optimizer: Optimizer = dataclasses.field(default_factory=Optimizer)
    schedule: Schedule = dataclasses.field(default_factory=Schedule)
    evaluate_every: Annotated[int, Ge(0)] = 500
    checkpoint_every: Annotated[int, Ge(0)] = 500
    log_every: Annotated[int, Ge(1)] = 10
    also: tuple[str, ...] = ()


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe; what the file leaves out has its default.

    Args:
        path: a TOML file with the fields of `Recipe` and tables `optimizer`, `schedule`, `roles`.

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
