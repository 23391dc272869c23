"""Plain data as a recipe: every name, type and range checked, every problem told at once."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import Any, get_type_hints

from torch import nn

from likely.core.bind import bind
from likely.core.catalogue import catalogue, get, unit
from likely.core.errors import BadSetting, LikelyError, UnknownName, did_you_mean
from likely.core.fit import fit
from likely.core.settings import check, parse, settings_of
from likely.core.words import told
from likely.train import _kinds
from likely.train.recipe import Recipe, gentle_rate
from likely.train.schedule import knot_problems
from likely.train.tables import Lora, Schedule


def build(data: Mapping[str, Any], where: str) -> Recipe:
    """A recipe from plain data.

    Args:
        data: fields of `Recipe`; tables as mappings.
        where: where the data come from, for the message.

    Returns:
        The recipe.

    Raises:
        BadSetting: everything that is wrong with it.
    """
    problems: list[str] = []
    values = _fields(Recipe, data, "", problems)
    if not any(problem.startswith(("steps", "schedule")) for problem in problems):
        problems += _too_long(values.get("schedule", Schedule()), values.get("steps", Recipe.steps))
    if not any(problem.startswith("schedule") for problem in problems):
        problems += knot_problems(values.get("schedule", Schedule()))
    if values.get("objective") is not None:
        problems += _problems("objective", lambda: bind(values["objective"]))
    if "model" in values:
        problems += _problems("model", lambda: trainable(values["model"]))
    if "tokenizer" in values:
        problems += _problems(
            "tokenizer", lambda: bind(values["tokenizer"], room="data.tokenizers")
        )
    for name in values.get("also", ()):
        problems += _problems("also", partial(_loggable, name))
    if problems:
        raise BadSetting(where, problems)
    recipe = Recipe(**_gently(values, data))
    if problems := _kinds.problems(recipe):
        raise BadSetting(where, problems)
    return recipe


def _gently(values: Mapping[str, Any], data: Mapping[str, Any]) -> Mapping[str, Any]:
    """AdamW without a rate gets the one that suits the kind of run."""
    told = data.get("optimizer")
    if not isinstance(told, Mapping) or "lr" in told or values["optimizer"].name != "adamw":
        return values
    lora = values.get("lora", Lora())
    rate = gentle_rate(values.get("kind", Recipe.kind), values.get("start", ""), lora.rank)
    if rate is None:
        return values
    return {**values, "optimizer": replace(values["optimizer"], lr=rate)}


_PRETRAINED = (
    "A model of transformers, from a folder or the Hugging Face hub, is trained further with "
    "pretrained(path='FOLDER-OR-NAME')."
)


def trainable(text: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The function that builds a model to be trained, and the settings that were given.

    Args:
        text: `transformer(layers=2)`.

    Returns:
        The entry of the room `models`, and settings without defaults.

    Raises:
        UnknownName: no model has this name.
        BadSetting: wrong settings, or a model that gradients cannot train.
    """
    try:
        name, given = parse(text)
        entry = get("models", name)
    except UnknownName as problem:
        raise UnknownName("model", problem.name, problem.known, _PRETRAINED) from problem
    except BadSetting as problem:
        if "(" in text:
            raise
        raise UnknownName("model", text, catalogue("models"), _PRETRAINED) from problem
    kind = inspect.signature(entry, eval_str=True).return_annotation
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise BadSetting(f"Model {name!r}", [not_trained(name)])
    full = check(f"Model {name!r}", entry, given)
    return entry, {key: full[key] for key in given}


def not_trained(kind: str) -> str:
    """Why a model without parameters cannot be trained.

    Args:
        kind: the model's kind.

    Returns:
        A sentence.
    """
    return (
        f"A model of kind {kind!r} has no gradient. An n-gram is counted, not trained: build it "
        "from tokens (likely.models.ngram), and train 'transformer' or 'feed_forward'."
    )


def _fields(kind: Any, data: Mapping[str, Any], prefix: str, problems: list[str]) -> dict[str, Any]:
    """Values that fit; what does not is told in `problems`."""
    hints = get_type_hints(kind, include_extras=True)
    for name in data:
        if name not in hints:
            problems.append(
                f"There is no field {prefix + str(name)!r}.{did_you_mean(str(name), hints)} "
                f"There are: {', '.join(hints)}."
            )
    values = {}
    for field in fields(kind):
        name = field.name
        if name not in data:
            continue
        value = data[name]
        try:
            if is_dataclass(hints[name]) and not isinstance(value, hints[name]):
                inner = _fields(hints[name], _table(value), f"{prefix}{name}.", problems)
                values[name] = hints[name](**inner)
            elif name == "roles":
                values[name] = {k: fit(v, str) for k, v in _table(value).items()}
            else:
                values[name] = fit(value, hints[name])
        except ValueError as problem:
            problems.append(told(f"{prefix}{name}", value, problem))
    return values


def _too_long(schedule: Schedule, steps: int) -> list[str]:
    if schedule.warmup <= steps:
        return []
    return [
        f"schedule.warmup={schedule.warmup} should be at most steps={steps}: "
        "a twentieth of the steps is a usual choice."
    ]


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("should be a table")
    return value


def _problems(field: str, attempt: Callable[[], object]) -> list[str]:
    try:
        attempt()
    except BadSetting as problem:
        return [f"{field}: {problem.where}: {one}" for one in problem.problems]
    except LikelyError as problem:
        return [f"{field}: {problem}"]
    return []


def _loggable(name: str) -> None:
    """Raise where a statistic is unknown, not one number a token, or must be told of what."""
    get("vocab.statistics", name)
    plain = [one for one in catalogue("vocab.statistics") if _is_number(one)]
    if name not in plain:
        raise UnknownName("statistic with one number a token", name, plain)


def _is_number(name: str) -> bool:
    entry = get("vocab.statistics", name)
    free = all(p.default is not p.empty for p in settings_of(entry).values())
    return free and unit(entry) == "N"


def table_of(
    kind: Any, data: Mapping[str, Any], prefix: str, problems: list[str]
) -> dict[str, Any]:
    """Plain data as values of a dataclass, such as a part of a recipe.

    Args:
        kind: the dataclass.
        data: its fields; tables as mappings.
        prefix: what stands before the names in messages.
        problems: gets a sentence for each thing that is wrong.

    Returns:
        The values that fit.
    """
    return _fields(kind, data, prefix, problems)
