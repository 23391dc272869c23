"""What the arguments of torch's linear_cross_entropy mean here, and which of them are refused."""

from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from likely.core.errors import ShapeError
from likely.core.head import Head
from likely.vocab._checks import (
    check_accumulation,
    check_class_weight,
    check_tensors,
    settle,
    wrong_number,
    wrong_reduction,
)

WHERE = "linear_cross_entropy_loss"


@dataclass(frozen=True, eq=False)
class Problem:
    """States, one head a position of the output, and targets.

    Args:
        hidden: `[N, D]`.
        heads: as many as the loss has positions: 1, or d₁·…·d_K.
        targets: for each of them `[N]` ids, or `[N, V]` probabilities.
        probable: whether targets are probabilities.
        shape: of the loss before it is reduced.
    """

    hidden: Tensor
    heads: tuple[Head, ...]
    targets: tuple[Tensor, ...]
    probable: bool
    shape: tuple[int, ...]


def problem_of(input: Tensor, weight: Tensor, target: Tensor, bias: Tensor | None) -> Problem:
    """Take a K-dimensional loss apart into its positions.

    Args:
        input: `[D]` or `[N, D]`.
        weight: `[V, D]` or `[V, d₁, …, d_K, D]`.
        target: ids or probabilities.
        bias: `[V]` or `[V, d₁, …, d_K]`.

    Returns:
        Plain problems, side by side.

    Raises:
        ShapeError: tensors do not fit.
    """
    check_tensors(WHERE, input=input, linear_weight=weight, target=target, linear_bias=bias)
    _check_shapes(input, weight, bias)
    size, *outs = weight.shape[:-1]
    batch, width, count = input.shape[:-1], weight.shape[-1], prod(outs)
    probable = target.shape == (*batch, size, *outs)
    _check_target(target, probable, (*batch, *outs))
    hidden = input.reshape(-1, width)
    weights: tuple[Tensor, ...] = (weight,)
    biases: tuple[Tensor | None, ...] = (bias,)
    targets: tuple[Tensor, ...] = (target,)
    if outs:
        weights = weight.reshape(size, count, width).unbind(1)
        biases = (None,) * count if bias is None else bias.reshape(size, count).unbind(1)
        targets = target.reshape(len(hidden), *((size,) if probable else ()), count).unbind(-1)
    elif not batch:
        targets = (target.reshape(1, size) if probable else target.reshape(1),)
    heads = tuple(Head(w, b) for w, b in zip(weights, biases, strict=True))
    ids = targets if probable else tuple(one.long() for one in targets)
    return Problem(hidden, heads, ids, probable, (*batch, *outs))


def _check_shapes(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    if not 1 <= input.dim() <= 2:
        raise _refused(f"expected input with dimensionality 1 or 2, got {input.dim()}")
    if weight.dim() < 2:
        raise _refused(f"expected linear_weight with dimensionality at least 2, got {weight.dim()}")
    if input.shape[-1] != weight.shape[-1]:
        raise _refused(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {weight.shape[-1]}, respectively"
        )
    shape = tuple(weight.shape[:-1])
    if bias is not None and tuple(bias.shape) != shape:
        raise _refused(f"expected linear_bias shape {shape}, got {tuple(bias.shape)}")
    if weight.dim() > 2 and input.dim() < 2:
        raise _refused(
            f"K-dimensional loss defined by linear_weight shape {tuple(weight.shape)} requires "
            f"batched input, (N, {weight.shape[-1]}), got unbatched input with shape "
            f"{tuple(input.shape)}"
        )


def _check_target(target: Tensor, probable: bool, shape: tuple[int, ...]) -> None:
    if probable:
        if not target.is_floating_point():
            raise _refused(f"target of the logits' shape holds probabilities, got {target.dtype}")
    elif target.dtype not in (torch.int64, torch.uint8):
        raise _refused(f"expected target of class indices to be int64, got {target.dtype}")
    elif tuple(target.shape) != shape and not (not shape and target.shape == (1,)):
        raise _refused(
            f"expected target of class indices with shape {shape}, got {tuple(target.shape)}"
        )


def _refused(said: str) -> ShapeError:
    return ShapeError(f"{WHERE}: {said}.")


def check_settings(
    problem: Problem,
    weight: Tensor | None,
    reduction: str,
    ignore_index: int | None,
    label_smoothing: float,
    options: Any,
) -> None:
    """Refuse what means nothing.

    Args:
        problem: what the loss is of.
        weight: class weights.
        reduction: one of three.
        ignore_index: for class indices only.
        label_smoothing: from 0 to 1.
        options: torch's, or None.

    Raises:
        BadSetting: a value that means nothing, all at once.
        ShapeError: class weights or ignore_index do not fit the target.
        Unsupported: class weights with a gradient, or accumulation in float64 of less than that.
    """
    named = "LinearCrossEntropyOptions"
    settle(
        WHERE,
        [
            wrong_reduction(reduction),
            wrong_number("label_smoothing", label_smoothing, most=1.0),
            None
            if options is None or type(options).__name__ == named
            else f"options={options!r} should be a torch.nn.{named} or None.",
        ],
    )
    check_class_weight(WHERE, "weight", weight, problem.heads[0].size)
    if problem.probable and ignore_index is not None:
        raise _refused("ignore_index cannot be specified when target contains probabilities")
    check_accumulation(
        WHERE, "options.acc_dtype", getattr(options, "acc_dtype", None), problem.hidden
    )
