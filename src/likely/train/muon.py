"""Muon: steps of matrices that stretch every direction alike."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Any

import torch
from annotated_types import Ge, Lt
from jaxtyping import Float
from torch import Tensor, nn

from likely.core.settings import checked
from likely.train._by_group import ByGroup

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(ByGroup):
    r"""Momentum whose matrix is replaced by the nearest one with equal singular values.

    $$ M_t = \mu M_{t-1} + (1 - \mu) G_t, \quad
       W_{t+1} = (1 - \eta \lambda) W_t
       - 0.2 \, \eta \sqrt{\max(m, n)} \; \text{NS}(\mu M_t + (1 - \mu) G_t) $$
    The factor gives a step the size that AdamW's usually has, so that both share a learning rate
    and a decay. `torch.optim.Muon(adjust_lr_fn="match_rms_adamw")` computes the same, one matrix
    after the other and in bfloat16 only.

    Args:
        parameters: matrices `[m, n]` inside the network: not embeddings, not the head.
        lr: η.
        momentum: μ.
        weight_decay: λ, decoupled.
        dtype: what the iteration is computed in.

    Raises:
        BadSetting: a negative rate or decay, or a momentum outside [0, 1).
        ValueError: a parameter is no matrix.

    References:
        Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024,
        https://kellerjordan.github.io/posts/muon/; Liu et al., Muon is Scalable for LLM Training,
        2025, eq. 4. arXiv:2502.16982 (the factor).
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        lr: Annotated[float, Ge(0)],
        momentum: Annotated[float, Ge(0), Lt(1)] = 0.95,
        weight_decay: Annotated[float, Ge(0)] = 0.1,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        checked(Muon, locals())
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)
        self.dtype = dtype
        for group in self.param_groups:
            if any(parameter.ndim != 2 for parameter in group["params"]):
                raise ValueError("Muon steps matrices only: parameters with two axes.")

    def _move(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        for alike in _by_shape(parameters):
            self._move_alike(alike, group)

    def _move_alike(self, matrices: list[Tensor], group: dict[str, Any]) -> None:
        """Matrices of one shape: one batched product is faster than many small ones."""
        gradients = [p.grad for p in matrices if p.grad is not None]
        mu, lr = group["momentum"], group["lr"]
        memory = self._averages(matrices, gradients, mu)
        ahead = torch.stack([g.lerp(m, mu) for g, m in zip(gradients, memory, strict=True)])
        steps = orthogonal(ahead.to(self.dtype)).to(ahead.dtype)
        size = 0.2 * lr * max(ahead.shape[1:]) ** 0.5
        torch._foreach_mul_(matrices, 1 - lr * group["weight_decay"])
        torch._foreach_add_(matrices, steps.unbind(), alpha=-size)


def _by_shape(parameters: Iterable[Tensor]) -> Iterable[list[Tensor]]:
    alike: dict[object, list[Tensor]] = defaultdict(list)
    for parameter in parameters:
        alike[parameter.shape, parameter.device, parameter.dtype].append(parameter)
    return alike.values()


def orthogonal(
    matrices: Float[Tensor, "B M N"], *, steps: int = 5, epsilon: float = 1e-7
) -> Float[Tensor, "B M N"]:
    r"""Roughly U Vᵀ of each matrix U Σ Vᵀ, by the Newton–Schulz iteration of Muon.

    $$ X \leftarrow a X + (b X X^\top + c (X X^\top)^2) X $$
    Singular values do not reach 1 but stay between about 0.7 and 1.2, which is what makes five
    steps enough; those of less than about 10⁻³ of the norm do not get there.

    Args:
        matrices: a stack of them, `[B, m, n]`.
        steps: of the iteration.
        epsilon: added to the Frobenius norm that they are divided by first.

    Returns:
        Matrices of the same shape and dtype.

    References:
        Jordan et al., Muon, 2024, §"Newton–Schulz", with its coefficients.
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (torch.linalg.vector_norm(x, dim=(-2, -1), keepdim=True) + epsilon)
    for _ in range(steps):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x
