"""Sign descent: every number moves by the same amount, whatever the size of its gradient."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class Sign(torch.optim.Optimizer):
    r"""Steps along the sign of the gradient's moving average.

    $$ m_t = \mu m_{t-1} + (1 - \mu) g_t, \quad
       w_{t+1} = (1 - \eta \lambda) w_t - \eta \, \text{sign}(m_t) $$
    With momentum 0 this is signSGD, else Signum; Lion takes the sign of a nearer average than the
    one it keeps. A rate that suits AdamW is too high here by a factor of about three.

    Args:
        parameters: tensors, or groups of them.
        lr: η.
        momentum: μ.
        weight_decay: λ, decoupled.

    References:
        Bernstein et al., signSGD: Compressed Optimisation for Non-Convex Problems, 2018,
        algorithms 1 and 2. arXiv:1802.04434. Chen et al., Symbolic Discovery of Optimization
        Algorithms, 2023. arXiv:2302.06675 (Lion).
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
        *,
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step.

        Args:
            closure: computes the loss again, as in every optimiser of torch.

        Returns:
            What the closure returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None]
            if moved:
                self._step(moved, group)
        return loss

    def _step(self, moved: list[Tensor], group: dict[str, Any]) -> None:
        gradients: list[Tensor] = [p.grad for p in moved if p.grad is not None]
        if group["momentum"] > 0:
            for parameter in moved:
                if "momentum" not in self.state[parameter]:
                    self.state[parameter]["momentum"] = torch.zeros_like(parameter)
            memory = [self.state[parameter]["momentum"] for parameter in moved]
            torch._foreach_lerp_(memory, gradients, 1 - group["momentum"])
            gradients = memory
        torch._foreach_mul_(moved, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(moved, torch._foreach_sign(gradients), alpha=-group["lr"])
