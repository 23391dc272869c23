"""A small training loop on given batches: no folder, no accelerator, nothing but the steps."""

from collections.abc import Callable, Mapping
from math import inf, isfinite
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from torch import Tensor, nn

from likely.core.batch import Batch
from likely.core.bind import bind
from likely.core.errors import BadInput, BadSetting
from likely.core.settings import checked
from likely.models.reader import Reader
from likely.train import _memory
from likely.train._optimizers import optimizers_of
from likely.train._random import Random
from likely.train._step import Step
from likely.train.errors import Diverged
from likely.train.recipe import Optimizer, Recipe, Schedule
from likely.train.schedule import learning_rate


def fit(
    reader: Reader,
    batches: Callable[[int], Batch],
    *,
    steps: Annotated[int, Ge(1)],
    objective: str = "cross_entropy",
    optimizer: Optimizer | None = None,
    schedule: Schedule | None = None,
    seed: Annotated[int, Ge(0)] = 0,
    roles: Mapping[str, Reader] | None = None,
) -> NDArray[np.float64]:
    """Train a model on batches that somebody else makes.

    A step is that of `likely train` on one process: Σ weight · value divided once by Σ weight,
    clipped, one step of the optimiser at the rate of the schedule. What is read (`ids`), what is
    wanted (`target`) and where it counts (`weight`) are the batch's own, so targets need not be
    the next token: training without a teacher or with second targets is a matter of batches.

    Args:
        reader: the model; trained in place, and left in evaluation mode.
        batches: from the number of a step, from 0, to what it reads.
        steps: optimiser steps.
        objective: a loss, with settings: `goldfish(k=4)`.
        optimizer: how gradients become steps; None for the default one.
        schedule: how the rate changes; None for the default one.
        seed: of dropout and of objectives that draw; the model's start is the caller's.
        roles: second readers by role; not trained.

    Returns:
        Σ weight · value / Σ weight of every step, before it was taken.

    Raises:
        BadSetting: no step, or a model that gradients cannot train.
        BadInput: no token of a step counts.
        Diverged: the loss or the gradient is not finite.

    Example:
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.models.feed_forward import feed_forward
        >>> model = feed_forward(Vocabulary.of_bytes(), width=4)
        >>> text = torch.tensor([[97, 98, 97, 98, 97]])
        >>> losses = fit(model, lambda step: Batch.of(text[:, :-1], text[:, 1:]), steps=30)
        >>> bool(losses[-1] < losses[0])
        True
    """
    checked(fit, locals())
    if not isinstance(reader, nn.Module):
        raise BadSetting("fit", [f"A model of kind {reader.kind!r} has no gradients to train by."])
    recipe = Recipe(optimizer=optimizer or Optimizer(), schedule=schedule or Schedule())
    bound = bind(objective)
    module = Step(reader, bound, (), roles or {}, bfloat16=False)
    optimizers = optimizers_of(recipe, reader)
    random = Random(seed, 0, reader.device)
    memory = _memory.moved(bound.start(), reader.device)
    losses = np.empty(steps)
    reader.train()
    with random.apart():
        for step in range(steps):
            total, sums = module(batches(step).to(reader.device), memory, random.objective)
            total.backward()
            rate = recipe.optimizer.lr * learning_rate(recipe.schedule, step, steps)
            losses[step] = _loss(sums, reader, recipe.optimizer.clip, (step, rate))
            for one in optimizers:
                for group in one.param_groups:
                    group["lr"] = rate
                one.step()
                one.zero_grad()
            memory = _memory.advance(bound, memory, _values(sums))
    reader.eval()
    return losses


def _loss(
    sums: Mapping[str, Tensor], model: nn.Module, clip: float, when: tuple[int, float]
) -> float:
    """The loss of a step; its gradient divided by Σ weight and clipped."""
    step, rate = when
    weight = float(sums["weight"])
    if weight == 0:
        raise BadInput(f"Step {step + 1}: the weights of the tokens sum to 0; let some count.")
    loss = float(sums["total"]) / weight
    parameters = [p for p in model.parameters() if p.grad is not None]
    torch._foreach_mul_([p.grad for p in parameters if p.grad is not None], 1 / weight)
    norm = float(nn.utils.clip_grad_norm_(parameters, clip or inf))
    for what, value in (("loss", loss), ("gradient norm", norm)):
        if not isfinite(value):
            raise Diverged(what, value, step + 1, rate, None)
    return loss


def _values(sums: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the memory of an objective advances by: sums, and means over the tokens that count."""
    means = {
        name.removeprefix("mean "): value / sums["counted"].clamp_min(1e-30)
        for name, value in sums.items()
        if name.startswith("mean ")
    }
    return {"total": sums["total"], "weight": sums["weight"], **means}
