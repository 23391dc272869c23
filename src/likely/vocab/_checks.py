"""What the drop-ins refuse, each in one sentence."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from likely.core.errors import BadSetting, ShapeError, Unsupported, did_you_mean

REDUCTIONS = ("mean", "sum", "none")


def wrong_reduction(reduction: str) -> str | None:
    """A sentence about any other reduction.

    Args:
        reduction: what was given.

    Returns:
        What is wrong, or None.
    """
    if reduction in REDUCTIONS:
        return None
    near = did_you_mean(str(reduction), REDUCTIONS)
    return f"reduction={reduction!r} should be 'mean', 'sum' or 'none'.{near}"


def wrong_number(
    name: str, given: object, least: float = 0.0, most: float = math.inf, open_below: bool = False
) -> str | None:
    """A sentence about what is no number, or outside its bounds.

    Args:
        name: of the argument.
        given: what was given.
        least: the smallest it may be.
        most: the largest it may be.
        open_below: whether it must be more than the smallest.

    Returns:
        What is wrong, or None.
    """
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if number and (given > least if open_below else given >= least) and given <= most:  # type: ignore[operator]
        return None
    bound = f"above {least:g}" if open_below else f"at least {least:g}"
    above = "" if most == math.inf else f" and at most {most:g}"
    return f"{name}={given!r} should be a number {bound}{above}."


def check_tensors(where: str, **tensors: Tensor | None) -> None:
    """Refuse tensors that lie in parts on several processes.

    Args:
        where: who asks.
        tensors: what was given, by name.

    Raises:
        Unsupported: one of them is a DTensor.
    """
    for name, tensor in tensors.items():
        if type(tensor).__name__ == "DTensor":
            raise Unsupported(
                f"{where}: {name} is a DTensor, in parts on several processes. Where each holds "
                "some words and all read the same tokens, take scan(..., group=...), or "
                "linear_cross_entropy with vocab_parallel_options and its to_local(); a model "
                "sharded by FSDP has its loss inside the head: likely.train.patch(model)."
            )


def check_class_weight(where: str, name: str, weight: Tensor | None, size: int) -> None:
    """Class weights are constants, one a word.

    Args:
        where: who asks.
        name: what the argument is called there.
        weight: what was given.
        size: V.

    Raises:
        ShapeError: it is not `[V]`, or no floating-point tensor.
        Unsupported: it asks for a gradient.
    """
    if weight is None:
        return
    if weight.shape != (size,) or not weight.is_floating_point():
        raise ShapeError(
            f"{where}: {name} must have one floating-point number a class, [{size}], and it is "
            f"{list(weight.shape)} of {weight.dtype}."
        )
    if weight.requires_grad and torch.is_grad_enabled():
        raise Unsupported(f"{where}: {name} has no gradient here. Detach it: `{name}.detach()`.")


def settle(where: str, problems: Sequence[str | None]) -> None:
    """Raise what was found wrong, all at once.

    Args:
        where: who asks.
        problems: one sentence each; None where nothing is wrong.

    Raises:
        BadSetting: there is a problem.
    """
    found = [problem for problem in problems if problem]
    if found:
        raise BadSetting(where, found)


def check_accumulation(where: str, name: str, given: Any, hidden: Tensor) -> None:
    """Sums are float32, or float64 for float64: anything finer is refused.

    Args:
        where: who asks.
        name: of the argument.
        given: a dtype or None.
        hidden: the states.

    Raises:
        Unsupported: float64 was asked for what is not float64.
        BadSetting: it is no dtype of floating-point numbers.
    """
    if given is None:
        return
    if not isinstance(given, torch.dtype) or not given.is_floating_point:
        raise BadSetting(where, [f"{name}={given!r} should be a floating-point dtype or None."])
    if given == torch.float64 != hidden.dtype:
        raise Unsupported(
            f"{where}: {name}={given} of {hidden.dtype} is not supported; sums are always "
            "float32, and float64 for float64."
        )
