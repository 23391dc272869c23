"""A word drawn from p at a temperature, the same on every backend and in every batch."""

from typing import Annotated

import torch
from annotated_types import Gt
from jaxtyping import Int
from torch import Tensor

from likely.core.errors import BadSetting
from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment
from likely.vocab.moments._gumbel import gumbel


def wants(
    *, row: Tensor | None = None, seed: int = 0, temperature: float = 1.0
) -> dict[str, Moment]:
    """The moment it reads."""
    if row is None:
        raise BadSetting("gumbel_sample", ["The setting 'row' must be given here: token numbers."])
    return {"drawn": moment.gumbel(row, seed, temperature)}


def gumbel_sample(
    drawn: Int[Tensor, "N"],
    *,
    row: Int[Tensor, "N"] | None = None,
    seed: int = 0,
    temperature: Annotated[float, Gt(0)] = 1.0,
) -> Int[Tensor, "N"]:
    r"""A word drawn from p at a temperature, the same on every backend and in every batch.

    $$ \operatorname{arg\,max}_v\, z_v / T + g_{n,v}, \quad g = -\log(-\log u) $$

    The noise is a function of (seed, row, word): no state, no order of drawing.

    Args:
        drawn: the word that wins with noise.
        row: the number of each token, `[N]`: tokens of one number draw with the same noise, however
            batches are cut. 0 to N − 1 by default.
        seed: of the noise.
        temperature: T, divides the logits.

    Returns:
        Ids, `[N]`. No gradient.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z = torch.tensor([[0.0, 30.0], [30.0, 0.0]])
        >>> from_logits(z, torch.tensor([0, 0]), {"gumbel_sample"})["gumbel_sample"]
        tensor([1, 0])

    References:
        Maddison et al., A* Sampling, 2014. arXiv:1411.0030; Salmon et al., Parallel Random
        Numbers: As Easy as 1, 2, 3, 2011 (counters).
    """
    return drawn


def dense(
    z: Tensor,
    y: Tensor,
    *,
    row: Tensor | None = None,
    seed: int = 0,
    temperature: float = 1.0,
) -> Tensor:
    """The same, from the logits."""
    ids = torch.arange(z.shape[1], device=z.device)
    rows = torch.arange(len(y), device=z.device) if row is None else row
    return (z / temperature + gumbel(rows, ids, seed, z)).argmax(-1)
