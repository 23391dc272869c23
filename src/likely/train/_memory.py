"""What an objective remembers from step to step: its `state` and `advance(state, …)`.

`advance` follows the rule of every entry: what stands behind `state` by position is measured, what
is keyword-only is a setting. It is called once a step, after the optimiser, and each name is
already summed over micro batches and processes:

- `total`: Σ weight · value of the step, `weight`: Σ weight, so that `total / weight` is its loss;
- an alias of the file's `wants`, or a statistic: its mean over the tokens that count.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from likely.core.bind import Bound
from likely.core.catalogue import catalogue, needs
from likely.core.errors import Unsupported

SUMS = ("total", "weight")


def measured(objective: Bound) -> tuple[str, ...]:
    """Names whose means `advance` reads.

    Args:
        objective: the entry.

    Returns:
        Aliases and statistics; empty where there is no `advance`.
    """
    forward = getattr(objective.module, "advance", None)
    names = () if forward is None else needs(forward)
    return tuple(name for name in names if name not in ("state", *SUMS))


def also(objective: Bound) -> tuple[str, ...]:
    """Statistics that must be measured for `advance`, whether the objective reads them or not.

    Args:
        objective: the entry.

    Returns:
        Their names.
    """
    return tuple(name for name in measured(objective) if name in catalogue("vocab.statistics"))


def advance(objective: Bound, state: Any, values: Mapping[str, Tensor]) -> Any:
    """The memory after one more step.

    Args:
        objective: the entry.
        state: its memory.
        values: `total`, `weight` and the means of `measured`.

    Returns:
        The new memory; the old one where the file has no `advance`.
    """
    forward = getattr(objective.module, "advance", None)
    if forward is None:
        return state
    with torch.no_grad():
        given = [state if name == "state" else values[name] for name in needs(forward)]
        return forward(*given, **objective.settings)


def moved(tree: Any, device: torch.device) -> Any:
    """The memory on a device.

    Args:
        tree: tensors and plain values in dictionaries, lists and tuples.
        device: where to.

    Returns:
        The same tree.
    """
    return _mapped(tree, lambda tensor: tensor.to(device))


def _mapped(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, dict):
        return {key: _mapped(value, change) for key, value in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)(_mapped(value, change) for value in tree)
    return tree


def pack(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """An objective's memory as JSON, its tensors apart.

    Args:
        tree: tensors and plain values in dictionaries, lists and tuples.
        tensors: gets the tensors by name.

    Returns:
        JSON values that `unpack` reads.

    Raises:
        Unsupported: it holds something else.
    """
    if isinstance(tree, Tensor):
        name = str(len(tensors))
        tensors[name] = tree
        return {"tensor": name}
    if isinstance(tree, dict) and all(isinstance(key, str) for key in tree):
        return {"dict": {key: pack(value, tensors) for key, value in tree.items()}}
    if type(tree) in (list, tuple):
        return {type(tree).__name__: [pack(value, tensors) for value in tree]}
    if tree is None or isinstance(tree, bool | int | float | str):
        return {"value": tree}
    raise Unsupported(
        f"The memory of an objective holds a {type(tree).__name__}, which a checkpoint cannot "
        "keep: use tensors and plain values in dictionaries with text keys, lists and tuples."
    )


def unpack(data: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The memory that `pack` took apart.

    Args:
        data: JSON values.
        tensors: by name.

    Returns:
        The memory.
    """
    ((kind, value),) = data.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "dict":
        return {key: unpack(part, tensors) for key, part in value.items()}
    if kind in ("list", "tuple"):
        parts = [unpack(part, tensors) for part in value]
        return tuple(parts) if kind == "tuple" else parts
    return value
