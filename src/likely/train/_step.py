"""One optimiser step's gradient: Σ weight·value of every micro batch, divided once by Σ weight."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from likely.core.batch import Batch
from likely.core.bind import Bound
from likely.core.errors import BadInput
from likely.core.stats import as_wishes
from likely.models.evaluate import Evaluation, evaluate
from likely.models.reader import Reader
from likely.train import _memory
from likely.train._shards import unsynchronised
from likely.train.choose import Choose, weights_of, wishes_of

Sums = dict[str, Tensor]


@runtime_checkable
class Plan(Protocol):
    """Which batch is read when."""

    def batch(self, number: int, /) -> Batch:
        """The batch of one number, always the same."""


class Step(nn.Module):
    """Σ weight·value of a micro batch, as the forward pass that DDP can wrap.

    Args:
        reader: the model; trained.
        objective: what it is trained by.
        also: statistics that are logged.
        roles: second readers; not trained.
        bfloat16: whether to run under autocast.
        choose: weighs tokens by what was measured on them.
    """

    def __init__(
        self,
        reader: Reader,
        objective: Bound,
        also: tuple[str, ...],
        roles: Mapping[str, Reader],
        bfloat16: bool,
        choose: Choose | None = None,
    ) -> None:
        super().__init__()
        self.reader, self.also = reader, also
        # In a plain dictionary, second readers are no submodules: no gradient, no broadcast.
        self.roles = {"all": dict(roles)}
        self.autocast, self.choose = bfloat16, choose
        self.use(objective)

    def use(self, objective: Bound) -> None:
        """Train by another objective from now on.

        Args:
            objective: what the model is trained by.
        """
        self.objective = objective
        plain = as_wishes((*self.also, *_memory.also(objective)))
        self.wishes = {**plain, **wishes_of(self.choose)}

    def forward(
        self, batch: Batch, state: Any, rng: torch.Generator, interrupted: bool = False
    ) -> tuple[Tensor, Sums]:
        """Measure a micro batch.

        Args:
            batch: what to read.
            state: the objective's memory.
            rng: for objectives that draw.
            interrupted: whether this process was asked to stop; summed with the rest, so that
                all processes stop at the same step.

        Returns:
            Σ weight·value with its gradient, and sums without.
        """
        with torch.autocast(batch.ids.device.type, torch.bfloat16, enabled=self.autocast):
            found = evaluate(
                {"objective": self.objective},
                self.reader,
                batch,
                also=self.wishes,
                roles=self.roles["all"],
                states={"objective": state},
                rng=rng,
            )
            found, chosen = self._chosen(found, batch)
            total, weight = found.total("objective")
        sums = self._sums(found, batch, total, weight, interrupted)
        if chosen is not None:
            exact = sums["counted"].dtype
            sums["mean chosen"] = torch.dot(batch.weight.to(exact), chosen.to(exact))
        return total, sums

    def _chosen(self, found: Evaluation, batch: Batch) -> tuple[Evaluation, Tensor | None]:
        """The evaluation with the objective's weights times those that were chosen."""
        if self.choose is None:
            return found, None
        chosen = weights_of(self.choose, batch, found.stats)
        weight = found.weight["objective"]
        return replace(found, weight={"objective": weight * chosen.to(weight)}), chosen

    @torch.no_grad()
    def _sums(
        self, found: Evaluation, batch: Batch, total: Tensor, weight: Tensor, interrupted: bool
    ) -> Sums:
        exact = torch.float32 if batch.ids.device.type == "mps" else torch.float64
        counted = batch.weight.to(exact)
        sums = {
            "total": total.detach().to(exact),
            "weight": weight.to(exact),
            "tokens": (batch.weight > 0).sum().to(exact),
            "counted": counted.sum(),
            "interrupted": torch.tensor(float(interrupted), dtype=exact, device=counted.device),
        }
        for name in (*self.also, *_memory.measured(self.objective)):
            alias = f"objective/{name}"
            value = found.stats[alias if alias in found.stats else name].to(exact)
            sums[f"mean {name}"] = torch.tensordot(counted, value, dims=1)
        return sums


@dataclass(frozen=True, eq=False)
class Gradient:
    """What one step measured; the gradient itself lies in the parameters.

    Args:
        loss: Σ weight·value / Σ weight.
        tokens: tokens that counted.
        interrupted: whether any process was asked to stop.
        values: `total`, `weight` and means by name, on the device.
    """

    loss: float
    tokens: int
    interrupted: bool
    values: Mapping[str, Tensor]


def gradient(
    accelerator: Accelerator,
    module: nn.Module,
    plan: Plan,
    step: int,
    accumulate: int,
    state: Any,
    rng: torch.Generator,
    interrupted: bool = False,
) -> Gradient:
    """Fill the gradients of one step.

    With `world` processes, process r reads the micro batches `(step · accumulate + i) · world + r`
    of the plan for i = 0 … accumulate − 1: one process that accumulates twice reads what two
    processes read.

    Args:
        accelerator: the processes.
        module: a `Step`, prepared.
        plan: micro batches by number.
        step: steps taken before.
        accumulate: micro batches on each process (see `_share`).
        state: the objective's memory.
        rng: for objectives that draw.
        interrupted: whether this process was asked to stop.

    Returns:
        What was measured, the same on every process.

    Raises:
        BadInput: no token of the step counts.
    """
    world, rank = accelerator.num_processes, accelerator.process_index
    sums: Sums = {}
    for turn in range(accumulate):
        batch = plan.batch((step * accumulate + turn) * world + rank).to(accelerator.device)
        # Gradients are added up over processes once, with the last micro batch.
        last = turn == accumulate - 1
        with nullcontext() if last else unsynchronised(accelerator, module):
            total, found = module(batch, state, rng, interrupted)
            accelerator.backward(total)
        sums = {name: sums[name] + value if sums else value for name, value in found.items()}
    sums = _over_processes(accelerator, sums)
    weight = float(sums["weight"])
    if weight == 0:
        raise BadInput(
            f"Step {step + 1}: the weights of the tokens sum to 0, so there is nothing to learn "
            "from. Larger batches help, or settings of the objective, or a choose, that drop fewer."
        )
    # DDP and FSDP2 leave the mean over processes of Σ weight·value.
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    torch._foreach_mul_(gradients, world / weight)
    means = {
        name.removeprefix("mean "): value / sums["counted"].clamp_min(1e-30)
        for name, value in sums.items()
        if name.startswith("mean ")
    }
    values = {"total": sums["total"], "weight": sums["weight"], **means}
    loss = float(sums["total"]) / weight
    return Gradient(loss, int(sums["tokens"]), bool(sums["interrupted"] > 0), values)


def _over_processes(accelerator: Accelerator, sums: Sums) -> Sums:
    """All sums added up over processes, as one message."""
    if accelerator.num_processes == 1:
        return sums
    flat = accelerator.reduce(torch.cat([value.flatten() for value in sums.values()]), "sum")
    parts = flat.split([value.numel() for value in sums.values()])
    return {
        name: part.view_as(value) for (name, value), part in zip(sums.items(), parts, strict=True)
    }
