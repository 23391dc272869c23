"""One rule of discovery: a file `focal.py` in a room defines `focal`, and that is its name."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from likely.core.errors import UnknownName

ROOMS = {
    "objectives": "objective",
    "decode": "sampler",
    "models": "model",
    "vocab.statistics": "statistic",
    "data.tokenizers": "tokenizer",
    "data.tasks": "task",
    "audit.metrics": "metric",
    "forecast.laws": "law",
    "train.judges": "judge",
    "train.trials": "trial",
}
"""Rooms that have entries, and what one entry of each is called."""

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@cache
def catalogue(room: str) -> dict[str, str]:
    """Names in a room and the module that defines each; imports none of them.

    Files come first, then what installed packages declare as entry points `likely.<room>`.

    Args:
        room: dotted name below `likely`, such as ``"objectives"``.

    Returns:
        Name → module path, sorted.

    Raises:
        UnknownName: there is no such room.

    Example:
        >>> "focal" in catalogue("objectives")
        True
    """
    if room not in ROOMS:
        raise UnknownName("room", room, ROOMS)
    folder = Path(__file__).parents[1].joinpath(*room.split("."))
    found = {
        module.name: f"likely.{room}.{module.name}"
        for module in pkgutil.iter_modules([str(folder)])
        if not module.name.startswith("_") and not module.ispkg and module.name not in _NO_ENTRY
    }
    for point in entry_points(group=f"likely.{room}"):
        found.setdefault(point.name, point.module)
    return dict(sorted(found.items()))


_NO_ENTRY = {"annotate", "reader", "evaluate", "head_loss", "load"}
"""Modules of the room `models` that are no kind of model."""


def module_of(room: str, name: str) -> ModuleType:
    """Import the file of one entry.

    Args:
        room: dotted name below `likely`.
        name: the entry.

    Returns:
        Its module.

    Raises:
        UnknownName: no entry of that room has this name.
    """
    found = catalogue(room)
    if name not in found:
        raise UnknownName(ROOMS[room], name, found)
    return importlib.import_module(found[name])


def get(room: str, name: str) -> Callable[..., Any]:
    """Load one entry by name.

    Args:
        room: dotted name below `likely`.
        name: the entry.

    Returns:
        The function that its file is named after.

    Raises:
        UnknownName: no entry of that room has this name.
    """
    entry: Callable[..., Any] = getattr(module_of(room, name), name)
    return entry


def needs(entry: Callable[..., Any]) -> tuple[str, ...]:
    """Names an entry takes by position: what must be measured for it.

    Args:
        entry: a function of a room.

    Returns:
        The names, in order.
    """
    parameters = inspect.signature(entry).parameters.values()
    return tuple(p.name for p in parameters if p.kind in _POSITIONAL)


def unit(entry: Callable[..., Any]) -> str:
    """The axis of an entry's values: N tokens, S sequences, P pairs, M documents.

    Args:
        entry: a function whose return annotation names its axis, `Float[Tensor, "N"]`.

    Returns:
        The letter; ``"N"`` where the annotation says nothing.
    """
    annotation = inspect.signature(entry).return_annotation
    first = getattr(annotation, "__args__", (annotation,))[0]
    return str(getattr(first, "dim_str", "N")).strip() or "N"
