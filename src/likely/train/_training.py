"""The state of a run between two steps, and what a step does to it."""

import time
from collections.abc import Mapping
from math import inf, isfinite
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from torch import nn

from likely.core.bind import bind
from likely.core.disk import sweep, write_whole
from likely.core.errors import BadInput, BadSetting
from likely.data.packing import TrainingPlan
from likely.data.tokens import Tokens
from likely.models.reader import Reader
from likely.train import _memory, _setup, checkpoint
from likely.train._assess import assess
from likely.train._metrics import Metrics
from likely.train._optimizers import optimizers_of
from likely.train._random import Random
from likely.train._share import share
from likely.train._step import Gradient, Step, gradient
from likely.train.choose import Choose, name_of
from likely.train.errors import Diverged, Interrupted
from likely.train.interrupt import Interrupt
from likely.train.progress import OnProgress, OnStep
from likely.train.recipe import Recipe, to_toml
from likely.train.run import note_environment
from likely.train.schedule import learning_rate


class Training:
    """The state of a run between two steps."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        accelerator: Any,
        reader: Any,
        texts: tuple[Tokens, Tokens | None],
        roles: Mapping[str, Reader] | None,
        random: Random,
        choose: Choose | None = None,
    ) -> None:
        tokens, validation = texts
        self.recipe, self.folder, self.accelerator = recipe, folder, accelerator
        self.reader, self.validation, self.random = reader, validation, random
        self.hooks: tuple[OnProgress | None, OnStep | None] = (None, None)
        self.data = _setup.fingerprint(tokens)
        rows, self.accumulate = share(recipe, accelerator.num_processes)
        self.plan = TrainingPlan(tokens, length=recipe.length, rows=rows, seed=recipe.seed)
        self.choice = name_of(choose)
        self.objective = bind(recipe.objective)
        seconds = _setup.second_readers(recipe, roles, tokens.vocabulary, accelerator.device)
        autocast = recipe.precision == "bfloat16"
        step = Step(reader, self.objective, recipe.also, seconds, autocast, choose)
        self.module: nn.Module = accelerator.prepare(step)
        self.optimizers = optimizers_of(recipe, reader)
        self.memory = _memory.moved(self.objective.start(), accelerator.device)
        self.step, self.tokens, self.seconds, self.kept = 0, 0, 0.0, -1
        self.busy, self.counted = 0.0, 0
        bytes_kept = self._restore()
        self.began = time.perf_counter() - self.seconds
        self.metrics = None
        if accelerator.is_main_process:
            self.metrics = self._open(bytes_kept)
        accelerator.wait_for_everyone()

    def _open(self, bytes_kept: int) -> Metrics:
        """Begin the folder, or clear away what came after the newest checkpoint."""
        folder = self.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise BadInput(
                f"{folder}: this folder cannot be made ({problem.strerror}); give another --out."
            ) from problem
        sweep(folder)
        sweep(folder / "checkpoints")
        checkpoint.drop_after(folder, self.kept)
        if not (folder / "recipe.toml").is_file():
            write_whole(folder / "recipe.toml", to_toml(self.recipe))
        note_environment(folder, self.step, self.choice)
        return Metrics(folder, bytes_kept)

    def close(self) -> None:
        if self.metrics is not None:
            self.metrics.close()
        self.accelerator.free_memory()

    def _restore(self) -> int:
        """Go to the newest checkpoint, if there is one; how many bytes of metrics it knows."""
        newest = checkpoint.newest(self.folder)
        if newest is None:
            return 0
        found = checkpoint.read(newest)
        state, world = found.state, self.accelerator.num_processes
        problems = []
        if state["processes"] != world:
            problems.append(f"It ran in {state['processes']} process(es), and now in {world}.")
        if state["data"] != self.data:
            problems.append("The training text is not the one it began with.")
        if problems:
            raise BadSetting(f"{self.folder}: this run cannot go on as it was", problems)
        checkpoint.restore(found, self.reader, self.optimizers, self.folder)
        memory = _memory.unpack(state["memory"], found.tensors["objective"])
        self.memory = _memory.moved(memory, self.accelerator.device)
        self.random.restore(state["random"][self.accelerator.process_index])
        self.step = self.kept = found.step
        self.tokens, self.seconds = state["tokens"], state["seconds"]
        return int(state["metrics_bytes"])

    def save(self) -> None:
        """Write a checkpoint of this very moment."""
        random = gather_object([self.random.state()])
        if self.metrics is not None and self.kept != self.step:
            memory: dict[str, torch.Tensor] = {}
            state = {
                "tokens": self.tokens,
                "seconds": time.perf_counter() - self.began,
                "processes": self.accelerator.num_processes,
                "data": self.data,
                "random": random,
                "memory": _memory.pack(self.memory, memory),
                "metrics_bytes": self.metrics.size(),
            }
            tensors = {
                "model": checkpoint.weights(self.reader),
                "optimizer": checkpoint.moments(self.optimizers, self.reader),
                "objective": memory,
            }
            checkpoint.write(self.folder, checkpoint.Checkpoint(self.step, tensors, state))
        self.kept = self.step
        self.accelerator.wait_for_everyone()

    def train(self, interrupt: Interrupt) -> None:
        """All steps that are left, and the model at the end."""
        recipe, steps = self.recipe, self.recipe.steps
        self.reader.train()
        while self.step < steps:
            row, stop = self._take(interrupt.asked)
            if self.step == 1 or self._due(recipe.log_every):
                self._log(row)
            self._tell(row)
            if self.validation is not None and self._due(recipe.evaluate_every):
                self._evaluate(self.validation)
            alone = self.accelerator.num_processes == 1
            stop = (stop or (alone and interrupt.asked)) and self.step < steps
            if stop or self._due(recipe.checkpoint_every):
                self.save()
            if stop:
                raise Interrupted(self.folder, self.step, steps)
        self.reader.eval()
        if self.accelerator.is_main_process:
            self.reader.save(self.folder / "model")
        self.accelerator.wait_for_everyone()

    def _due(self, every: int) -> bool:
        return self.step == self.recipe.steps or (every > 0 and self.step % every == 0)

    def _take(self, interrupted: bool) -> tuple[dict[str, Any], bool]:
        """One step: its row of metrics, and whether some process was asked to stop."""
        recipe, began = self.recipe, time.perf_counter()
        lr = recipe.optimizer.lr * learning_rate(recipe.schedule, self.step, recipe.steps)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr
        found = gradient(
            self.accelerator,
            self.module,
            self.plan,
            self.step,
            self.accumulate,
            self.memory,
            self.random.objective,
            interrupted,
        )
        norm = float(
            nn.utils.clip_grad_norm_(self.reader.parameters(), recipe.optimizer.clip or inf)
        )
        for what, value in (("loss", found.loss), ("gradient norm", norm)):
            if not isfinite(value):
                kept = self.kept if self.kept >= 0 else None
                raise Diverged(what, value, self.step + 1, lr, kept)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.memory = _memory.advance(self.objective, self.memory, found.values)
        self.step += 1
        self.tokens += found.tokens
        self.counted += found.tokens
        self.busy += time.perf_counter() - began
        return self._row(found, lr, norm), found.interrupted

    def _row(self, found: Gradient, lr: float, norm: float) -> dict[str, Any]:
        return {
            "step": self.step,
            "tokens": self.tokens,
            "seconds": round(time.perf_counter() - self.began, 3),
            "lr": lr,
            "loss": found.loss,
            "gradient_norm": norm,
            "tokens_per_second": round(self.counted / max(self.busy, 1e-9), 1),
            **{name: float(found.values[name]) for name in self._logged},
        }

    @property
    def _logged(self) -> tuple[str, ...]:
        return (*self.recipe.also, *(("chosen",) if self.choice else ()))

    def _log(self, row: Mapping[str, Any]) -> None:
        if self.metrics is not None:
            self.metrics.add(row)
        self.busy, self.counted = 0.0, 0

    def _tell(self, row: Mapping[str, Any]) -> None:
        progress, on_step = self.hooks
        if not self.accelerator.is_main_process:
            return
        if progress:
            progress({"steps": self.recipe.steps, **row})
        if on_step:
            with self.random.kept():
                self.reader.eval()
                on_step(self.step, self.reader)
                self.reader.train()

    def _evaluate(self, validation: Tokens) -> None:
        """A row on validation text, measured by the main process in full precision."""
        if self.accelerator.is_main_process:
            with self.random.kept():
                found = assess(self.reader, validation, self.recipe)
            row = {
                "step": self.step,
                "tokens": self.tokens,
                "seconds": round(time.perf_counter() - self.began, 3),
                **found,
            }
            self._log(row)
            if self.hooks[0]:
                self.hooks[0]({"steps": self.recipe.steps, **row})
            self.reader.train()
        self.accelerator.wait_for_everyone()
