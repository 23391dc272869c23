"""What a step of several recipes costs on this machine: they take turns, so all meet it alike."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from likely.core.bind import bind
from likely.models.reader import Reader
from likely.train import _lora, _memory, _second, _setup
from likely.train._optimizers import optimizers_of
from likely.train._plans import Read, plan_of, tokens_of_step
from likely.train._random import Random
from likely.train._step import Step
from likely.train.recipe import Recipe
from likely.train.trials._peak_memory import peak_bytes

_LEAST, _MOST = 7, 200
_WARM = 2


@dataclass(frozen=True)
class StepCost:
    """What one step of a recipe costs.

    Args:
        seconds: the median of the first recipe's steps, times the median of how much longer this
            one took in the same round.
        memory: bytes of tensors alive at once, above weights and moments.
        tokens: that it reads.
        parameters: of the model that trains.
        roles: parameters of every second model.
    """

    seconds: float
    memory: float
    tokens: int
    parameters: int
    roles: dict[str, int]


def step_costs_of(
    recipes: Sequence[Recipe], given: Sequence[Read], seconds: float, device: torch.device
) -> list[StepCost]:
    """Measure whole steps: reading, the second models, backward, the optimiser.

    On a processor its own time is counted, which other programs do not lengthen; on an accelerator
    the time that passes.

    Args:
        recipes: what is measured; those with one model and one optimiser share it.
        given: text or examples that each trains on.
        seconds: to spend, at most, on each.
        device: where.

    Returns:
        One cost each.
    """
    shared: dict[Any, tuple[Reader, list[torch.optim.Optimizer]]] = {}
    steppers = [_Stepper(*pair, device, shared) for pair in zip(recipes, given, strict=True)]
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    for one in steppers:
        for _ in range(_WARM):  # The first steps allocate and compile.
            one.take()
    taken: NDArray[np.float64] = np.zeros((_MOST, len(steppers)))
    began, rounds = clock(), 0
    while rounds < _MOST and (rounds < _LEAST or clock() - began < seconds * len(steppers)):
        for column, one in enumerate(steppers):
            begin = clock()
            one.take()
            taken[rounds, column] = clock() - begin
        rounds += 1
    # Within a round all meet the machine in the same mood; between rounds it changes.
    ratio = np.median(taken[:rounds] / taken[:rounds, :1], axis=0)
    middle = np.median(taken[:rounds, 0]) * ratio
    return [
        StepCost(
            seconds=float(middle[column]),
            memory=float(one.memory()),
            tokens=one.tokens,
            parameters=one.reader.parameters_count,
            roles={role: reader.parameters_count for role, reader in one.roles.items()},
        )
        for column, one in enumerate(steppers)
    ]


class _Stepper:
    """Takes steps of one recipe on a model that trains nothing worth keeping."""

    def __init__(
        self, recipe: Recipe, read: Read, device: torch.device, shared: dict[Any, Any]
    ) -> None:
        self.recipe, self.device = recipe, device
        made_by = (recipe.start, recipe.model, repr(recipe.lora), recipe.optimizer)
        key = (*made_by, read.vocabulary.fingerprint)
        if key not in shared:
            reader: Any = _setup.reader_of(recipe, read.vocabulary)
            _setup.check_reader(reader, recipe, read.vocabulary)
            if recipe.lora.rank > 0:
                _lora.add(reader, recipe)
            # At a rate of nearly nothing, measuring cannot make a model diverge.
            slow = replace(recipe, optimizer=replace(recipe.optimizer, lr=1e-12))
            shared[key] = (reader.to(device), optimizers_of(slow, reader))
        self.reader, self.optimizers = shared[key]
        self.plan = plan_of(recipe, read, recipe.rows)
        self.tokens = tokens_of_step(recipe, read)
        columns = tuple(read.columns)
        self.roles = _second.readers(recipe, None, self.reader, device, columns)
        objective = bind(recipe.objective)
        autocast = recipe.precision == "bfloat16"
        self.step = Step(self.reader, objective, recipe.also, self.roles, autocast)
        self.random = Random(recipe.seed, 0, device)
        self.memory_of_objective = _memory.moved(objective.start(), device)
        self.number = 0

    def take(self) -> None:
        """One whole step."""
        sums: Any = None
        with self.random.apart():
            self.step.train()
            for turn in range(self.recipe.accumulate):
                batch = self.plan.batch(self.number * self.recipe.accumulate + turn)
                total, sums = self.step(
                    batch.to(self.device), self.memory_of_objective, self.random.objective
                )
                total.backward()
            nn.utils.clip_grad_norm_(self.step.parameters(), self.recipe.optimizer.clip or 1e9)
            for optimizer in self.optimizers:
                optimizer.step()
                optimizer.zero_grad()
        float(sums["total"])  # Waits for an accelerator.
        self.number += 1

    def memory(self) -> int:
        """Bytes that one step holds at most above what stays."""
        if self.device.type != "cuda":
            return peak_bytes(self.take)
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        self.take()
        return torch.cuda.max_memory_allocated() - before
