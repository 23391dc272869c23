"""Sign descent: every number moves by the same amount, whatever the size of its gradient."""

from collections.abc import Iterable
from typing import Annotated, Any

import torch
from annotated_types import Ge, Lt
from torch import Tensor

from likely.core.settings import checked
from likely.train._by_group import ByGroup


class Sign(ByGroup):
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

    Raises:
        BadSetting: a negative rate or decay, or a momentum outside [0, 1).

    References:
        Bernstein et al., signSGD: Compressed Optimisation for Non-Convex Problems, 2018,
        algorithms 1 and 2. arXiv:1802.04434; Chen et al., Symbolic Discovery of Optimization
        Algorithms, 2023. arXiv:2302.06675 (Lion).
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
        *,
        lr: Annotated[float, Ge(0)],
        momentum: Annotated[float, Ge(0), Lt(1)] = 0.9,
        weight_decay: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        checked(Sign, locals())
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)

    def _move(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        if not gradients:
            return
        if group["momentum"] > 0:
            gradients = self._averages(parameters, gradients, group["momentum"])
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(parameters, torch._foreach_sign(gradients), alpha=-group["lr"])
