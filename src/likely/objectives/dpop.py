"""DPOP: preference optimisation that does not let the chosen answer lose probability."""

from typing import Annotated

import torch
from annotated_types import Ge, Gt
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import logsigmoid

from likely.objectives._sequences import sum_over_segments

LAWS = frozenset[str]()
KNOBS = {"beta": (0.05, 0.1, 0.3), "penalty": (5.0, 50.0)}


def dpop(
    log_prob: Float[Tensor, "N"],
    reference_log_prob: Float[Tensor, "N"],
    segment: Int[Tensor, "N"],
    weight: Float[Tensor, "N"],
    pair: Int[Tensor, "P 2"],
    *,
    beta: Annotated[float, Gt(0)] = 0.3,
    penalty: Annotated[float, Ge(0)] = 50.0,
) -> Float[Tensor, "P"]:
    r"""DPO with a penalty where the chosen answer is less likely than under the reference.

    $$ \mathcal{L} = -\log \sigma\big(\beta [r_w - r_l - \lambda \max(0, -r_w)]\big), \quad
       r = \textstyle\sum_n \log p_{y_n} - \log p^{\mathrm{ref}}_{y_n} $$

    Sums are over the tokens of a segment with their weights. With `penalty=0` it is DPO. (Some
    ports add the penalty outside the sigmoid; that is another loss.)

    Cost: coupled, four matrix products, and one scan of the reference.
    Status: verified (numbers of the formula, and of the authors' DPO code at `penalty=0`).
    Detached: nothing.
    Denominator: pairs.

    Args:
        log_prob: log p of the target, nats.
        reference_log_prob: the same under the reference: a reader with that role, or a column.
        segment: which answer a token belongs to.
        weight: 0 for the prompt.
        pair: chosen and rejected segment, `[P, 2]`.
        beta: how far from the reference the model may go.
        penalty: λ.

    Returns:
        One loss a pair, nats.

    Raises:
        NotMeasured: the batch has no pairs, or there is no reference.

    Example:
        >>> import torch
        >>> side = torch.tensor([0, 1])
        >>> dpop(torch.tensor([-12.0, -15.0]), torch.tensor([-10.0, -14.0]), side, torch.ones(2),
        ...      torch.tensor([[0, 1]]), beta=0.1, penalty=5.0)
        tensor([1.3873])

    References:
        Pal et al., Smaug: Fixing Failure Modes of Preference Optimisation with DPO-Positive,
        2024, eq. 3. arXiv:2402.13228.
    """
    chosen, rejected = sum_over_segments(log_prob - reference_log_prob, segment, weight, pair)
    return -logsigmoid(beta * (chosen - rejected - penalty * (-chosen).relu()))


def dense(
    z: Tensor,
    y: Tensor,
    reference_log_prob: Tensor,
    segment: Tensor,
    weight: Tensor,
    pair: Tensor,
    *,
    beta: float = 0.3,
    penalty: float = 50.0,
) -> Tensor:
    """The same, from the logits, pair by pair."""
    ratio = z.log_softmax(-1).gather(-1, y[:, None])[:, 0] - reference_log_prob
    losses = []
    for w, r in pair.tolist():
        up, down = ((ratio * weight)[segment == side].sum() for side in (w, r))
        margin = up - down - penalty * torch.clamp(-up, min=0)
        losses.append(torch.nn.functional.softplus(-beta * margin))
    return torch.stack(losses) if losses else ratio.new_zeros(0)
