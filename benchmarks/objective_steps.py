"""One training step by an objective, on the two ways of the library; its time and its memory."""

import time
from functools import partial

import torch
from torch import nn

from benchmarks.objective_cases import batch_of, student
from likely.core.bind import bind
from likely.data.packing import TrainingPlan
from likely.train import _memory
from likely.train._optimizers import optimizers_of
from likely.train._setup import processes
from likely.train._step import Step, gradient
from likely.train.patching import patch
from likely.train.recipe import Recipe
from likely.train.trials._peak_memory import peak_bytes

CLIP = 1.0


class Same(TrainingPlan):
    """A plan of one batch, read again and again.

    Args:
        read: the batch.
    """

    def __init__(self, read):
        self.read = read

    def batch(self, step):
        """The batch, whatever the step."""
        return self.read


class Loop:
    """A step as `likely train` takes it: evaluate, backward, clip, AdamW.

    Args:
        size: of the model and the batch.
        case: what is trained by.
    """

    def __init__(self, size, case):
        self.reader, self.objective = student(size), bind(case.objective)
        # A second reader is as large as the model; a teacher is usually larger.
        self.roles = {case.role: student(size, seed=1).eval()} if case.live else {}
        self.module = Step(self.reader, self.objective, (), self.roles, False).train()
        self.optimizers = optimizers_of(Recipe(), self.reader)
        self.memory, self.rng = self.objective.start(), torch.Generator().manual_seed(0)
        self.plan, self.accelerator = Same(batch_of(size, case)), processes("cpu")

    def __call__(self):
        """Take the step."""
        plan, accelerator = self.plan, self.accelerator
        found = gradient(accelerator, self.module, plan, 0, 1, self.memory, self.rng)
        _finish(self.reader, self.optimizers)
        self.memory = _memory.advance(self.objective, self.memory, found.values)
        return found.loss

    def close(self):
        """Nothing was replaced."""


class Patched:
    """A step of an unmodified script: `patch(model)`, the model's own loss, backward, AdamW.

    Args:
        size: of the model and the batch.
        case: what is trained by; None leaves the model as it is: torch's loss on all logits.
    """

    def __init__(self, size, case, plain=False):
        reader, self.roles = student(size), {}
        read = batch_of(size, case)
        self.reader = self.model = reader.model.train()
        self.optimizers = optimizers_of(Recipe(), self.model)
        shape = (size.rows, size.length)
        labels = read.target.view(shape)
        self.given = {"input_ids": read.ids.view(shape), "labels": labels, "shift_labels": labels}
        self.patch = None
        if not plain:
            needs = bind(case.objective).needs
            columns = {k: v.view(*shape, *v.shape[1:]) for k, v in read.columns.items()}
            pair = {"pair": read.pair} if "pair" in needs else {}
            self.given |= _known(case, columns) | pair
            self.patch = patch(self.model, case.objective, vocabulary=reader.vocabulary)

    def __call__(self):
        """Take the step."""
        loss = self.model(**self.given, use_cache=False).loss
        loss.backward()
        _finish(self.model, self.optimizers)
        return loss.item()

    def close(self):
        """Put back what was replaced."""
        if self.patch is not None:
            self.patch.restore()


def _known(case, columns):
    """Columns that the patched model takes: a role's statistics or its words, not both."""
    from likely.models._measured_loss import prepare

    return {name: columns[name] for name in prepare(case.objective).columns if name in columns}


def _finish(model, optimizers):
    nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()


def timed(step):
    """Wall and processor seconds of one step."""
    wall, processor = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - wall, time.process_time() - processor


def alternated(base, step, repeats, warm):
    """Steps of both in turn, the order turned round each time.

    Args:
        base: what is compared with.
        step: what is compared.
        repeats: pairs of steps.
        warm: pairs before, not counted.

    Returns:
        Wall and processor seconds, `[repeats, 2, 2]`: pair, base or step, wall or processor.
    """
    rows = []
    for turn in range(-warm, repeats):
        first, second = (base, step) if turn % 2 == 0 else (step, base)
        found = [timed(first), timed(second)]
        if turn >= 0:
            rows.append(found if turn % 2 == 0 else found[::-1])
    return torch.tensor(rows, dtype=torch.float64)


def memory(step):
    """Bytes that stand between steps, and the most that a step adds.

    Args:
        step: after at least one step, so that the optimiser has its moments.

    Returns:
        Parameters, moments and second models; and the peak above them.
    """
    modules = [step.reader, *(m for m in step.roles.values() if isinstance(m, nn.Module))]
    tensors = [t for module in modules for t in (*module.parameters(), *module.buffers())]
    for optimizer in step.optimizers:
        tensors += [t for kept in optimizer.state.values() for t in kept.values()]
    standing = {t.data_ptr(): t.nbytes for t in tensors if isinstance(t, torch.Tensor)}
    return sum(standing.values()), peak_bytes(partial(step.__call__))
