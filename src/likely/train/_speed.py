"""How many tokens a second this machine trains on: a few steps that leave no trace."""

import time
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from likely.core.batch import Batch
from likely.core.bind import bind
from likely.train import _lora, _setup
from likely.train._optimizers import optimizers_of
from likely.train._plans import Read, plan_of
from likely.train._random import Random
from likely.train._share import share
from likely.train._step import Step
from likely.train.recipe import Recipe

_LEAST_STEPS, _SECONDS = 3, 1.0


def tokens_per_second(recipe: Recipe, read: Read, accelerator: Accelerator) -> float:
    """Measure by training a model of the recipe for about a second.

    Args:
        recipe: its model, windows, optimiser and precision; cross-entropy stands for objectives.
        read: text or examples to train on.
        accelerator: the processes, which all measure at the same time.

    Returns:
        Tokens a second of all processes together.
    """
    device, world = accelerator.device, accelerator.num_processes
    rows, _ = share(recipe, world)
    reader: Any = _setup.reader_of(recipe, read.vocabulary)
    _setup.check_reader(reader, recipe, read.vocabulary)
    if recipe.lora.rank > 0:
        _lora.add(reader, recipe)
    batch = plan_of(recipe, read, rows).batch(0).to(device)
    tokens = int((batch.segment >= 0).sum())  # Without the padding of examples.
    random = Random(recipe.seed, accelerator.process_index, device)
    autocast = recipe.precision == "bfloat16"
    step = Step(reader, bind("cross_entropy"), (), {}, autocast).to(device)
    optimizers = optimizers_of(recipe, reader)
    with random.apart():
        for _ in range(2):  # The first steps allocate.
            _take(step, batch, optimizers, random)
        taken, seconds, began = 0, 0.0, time.perf_counter()
        while taken < _LEAST_STEPS or seconds < _SECONDS:
            _take(step, batch, optimizers, random)
            taken, seconds = taken + 1, time.perf_counter() - began
    speed: float = world * taken * tokens / seconds
    return speed


def _take(
    step: nn.Module, batch: Batch, optimizers: list[torch.optim.Optimizer], random: Random
) -> None:
    total, _ = step(batch, None, random.objective)
    (total / len(batch)).backward()
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    float(total.detach())  # Waits for a GPU.
