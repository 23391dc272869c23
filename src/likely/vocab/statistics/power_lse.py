"""Log Σ e^{τz}: the log-partition at another inverse temperature."""

from typing import Annotated

from annotated_types import Gt
from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, tau: float = 2.0) -> dict[str, Moment]:
    """The moment it reads."""
    return {"powered": moment.tilted(tau)}


def power_lse(
    shift: Float[Tensor, "N"],
    powered: Float[Tensor, "N"],
    *,
    tau: Annotated[float, Gt(0)] = 2.0,
) -> Float[Tensor, "N"]:
    r"""Log Σ e^{τz}: the log-partition at another inverse temperature.

    $$ \log \sum_v e^{\tau z_v} $$

    Args:
        shift: the largest logit.
        powered: log Σ e^{τx}.
        tau: τ, the inverse temperature.

    Returns:
        Nats, `[N]`; at τ = 1 this is `lse`.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> from_logits(torch.zeros(1, 2), torch.tensor([1]), {"power_lse"})["power_lse"]
        tensor([0.6931])

    References:
        Hinton et al., Distilling the Knowledge in a Neural Network, 2015. arXiv:1503.02531.
    """
    return tau * shift + powered


def dense(z: Tensor, y: Tensor, *, tau: float = 2.0) -> Tensor:
    """The same, from the logits."""
    del y
    return (tau * z).logsumexp(-1)
