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
from likely.models.reader import Reader
from likely.train import _lora, _memory, _second, _shards, checkpoint
from likely.train._foresight import Foresight
from likely.train._material import Look, Material
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
        material: Material,
        roles: Mapping[str, Reader] | None,
        random: Random,
        choose: Choose | None = None,
    ) -> None:
        self.recipe, self.folder, self.accelerator = recipe, folder, accelerator
        self.reader, self.material, self.random = reader, material, random
        self.hooks: tuple[OnProgress | None, OnStep | None] = (None, None)
        self.foresees = True
        rows, self.accumulate = share(recipe, accelerator.num_processes)
        self.plan = material.plan(rows)
        self.choice = name_of(choose)
        self.objective = bind(recipe.objective)
        seconds = _second.readers(recipe, roles, reader, accelerator.device, material.columns)
        self.frozen = _lora.frozen_part(reader)
        self.bones = _shards.skeleton(reader) if _shards.are_wanted(accelerator) else None
        autocast = recipe.precision == "bfloat16"
        self.inner = Step(reader, self.objective, recipe.also, seconds, autocast, choose)
        self.module: nn.Module = _shards.prepared(self.inner, reader, accelerator)
        self.optimizers = optimizers_of(recipe, reader)
        self.memory = _memory.moved(self.objective.start(), accelerator.device)
        self.step, self.tokens, self.seconds, self.kept = 0, 0, 0.0, -1
        self.busy, self.counted = 0.0, 0
        self.foresight = Foresight(recipe)
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
        metrics = Metrics(folder, bytes_kept)
        if self.step == 0 and self.material.before:
            metrics.add({"step": 0, **self.material.before})
        return metrics

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
        if state["data"] != self.material.fingerprint:
            problems.append("The training text is not the one it began with.")
        if state.get("frozen", "") != self.frozen:
            problems.append("The model that its adapters were added to is another one now.")
        if problems:
            raise BadSetting(f"{self.folder}: this run cannot go on as it was", problems)
        checkpoint.restore(found, self.reader, self.optimizers, self.folder)
        memory = _memory.unpack(state["memory"], found.tensors["objective"])
        self.memory = _memory.moved(memory, self.accelerator.device)
        self.random.restore(state["random"][self.accelerator.process_index])
        self.step = self.kept = found.step
        self.tokens, self.seconds = state["tokens"], state["seconds"]
        self.foresight = Foresight(self.recipe, state.get("foresight"))
        return int(state["metrics_bytes"])

    def save(self) -> None:
        """Write a checkpoint of this very moment."""
        random = gather_object([self.random.state()])
        weights = self._gathered(checkpoint.weights(self.reader))
        moments = self._gathered(checkpoint.moments(self.optimizers, self.reader))
        if self.metrics is not None and self.kept != self.step:
            memory: dict[str, torch.Tensor] = {}
            state = {
                "tokens": self.tokens,
                "seconds": time.perf_counter() - self.began,
                "processes": self.accelerator.num_processes,
                "data": self.material.fingerprint,
                "frozen": self.frozen,
                "random": random,
                "foresight": self.foresight.state(),
                "memory": _memory.pack(self.memory, memory),
                "metrics_bytes": self.metrics.size(),
            }
            tensors = {"model": weights, "optimizer": moments, "objective": memory}
            checkpoint.write(self.folder, checkpoint.Checkpoint(self.step, tensors, state))
        self.kept = self.step
        self.accelerator.wait_for_everyone()

    def _gathered(self, tensors: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
        return _shards.gathered(tensors, self.accelerator)

    def train(self, interrupt: Interrupt) -> None:
        """All steps that are left, and the model at the end."""
        recipe, steps = self.recipe, self.recipe.steps
        self.reader.train()
        while self.step < steps:
            row, stop = self._take(interrupt.asked)
            if self.step == 1 or self._due(recipe.log_every):
                self._log(row)
            self._tell(row)
            if self.material.look is not None and self._due(recipe.evaluate_every):
                self._evaluate(self.material.look)
            self._foresee(row["loss"])
            alone = self.accelerator.num_processes == 1
            stop = (stop or (alone and interrupt.asked)) and self.step < steps
            if stop or self._due(recipe.checkpoint_every):
                self.save()
            if stop:
                raise Interrupted(self.folder, self.step, steps)
        self.reader.eval()
        self._save_model()
        self.accelerator.wait_for_everyone()

    def _save_model(self) -> None:
        """The model, whole and merged; and its adapters, where it has some."""
        named = dict(self.reader.named_parameters())
        weights = named if self.bones is None else self._gathered(named)
        first, adapter = self.accelerator.is_main_process, getattr(self.reader, "adapter", None)
        if first and adapter is not None:
            _lora.write(weights, adapter, self.folder / "adapter")
        if self.bones is not None and not first:
            return
        found = self.reader if self.bones is None else _shards.filled(self.bones, weights)
        if adapter is not None:
            _lora.merge(found)
        if first:
            found.save(self.folder / "model")

    def _due(self, every: int) -> bool:
        return self.step == self.recipe.steps or (every > 0 and self.step % every == 0)

    def _take(self, interrupted: bool) -> tuple[dict[str, Any], bool]:
        """One step: its row of metrics, and whether some process was asked to stop."""
        recipe, began = self.recipe, time.perf_counter()
        warming = self.step < recipe.objective_after
        self.inner.use(bind("cross_entropy") if warming else self.objective)
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
        limit = recipe.optimizer.clip or inf
        norm = float(_shards.whole(nn.utils.clip_grad_norm_(self.reader.parameters(), limit)))
        for what, value in (("loss", found.loss), ("gradient norm", norm)):
            if not isfinite(value):
                kept = self.kept if self.kept >= 0 else None
                raise Diverged(what, value, self.step + 1, lr, kept)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        if not warming:
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
            progress({"steps": self.recipe.steps, **row, **self.foresight.last})
        if on_step:
            with self.random.kept():
                self.reader.eval()
                on_step(self.step, self.reader)
                self.reader.train()

    def _foresee(self, loss: float) -> None:
        """Keep the loss, and at some moments say what the last one will be."""
        self.foresight.add(self.step, loss)
        if self.metrics is not None and self.foresees:
            row = self.foresight.row(self.step)
            if row:
                self.metrics.add(row)

    def _evaluate(self, look: Look) -> None:
        """A row on validation text, in full precision: by the main process, or by all at once.

        Where weights lie in parts, nobody can read without the others.
        """
        first = self.accelerator.is_main_process
        if first or _shards.is_sharded(self.reader):
            with self.random.kept(), _shards.reading(self.reader):
                found = look(self.reader)
            self.reader.train()
        if first:
            row = {
                "step": self.step,
                "tokens": self.tokens,
                "seconds": round(time.perf_counter() - self.began, 3),
                **found,
            }
            self._log(row)
            self.foresight.looked(self.step, found)
            if self.hooks[0]:
                self.hooks[0]({"steps": self.recipe.steps, **row})
        self.accelerator.wait_for_everyone()
