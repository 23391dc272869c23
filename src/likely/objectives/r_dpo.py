"""R-DPO: preference optimisation that does not pay for length."""

from typing import Annotated

import torch
from annotated_types import Ge, Gt
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from likely.objectives._sequences import sum_over_segments

LAWS = frozenset[str]()
NEUTRAL = ({"alpha": 0.0, "beta": 0.3}, "dpop(beta=0.3, penalty=0.0)")
KNOBS = {"alpha": (0.002, 0.01, 0.05), "beta": (0.05, 0.1, 0.3)}


def r_dpo(
    log_prob: Float[Tensor, "N"],
    reference_log_prob: Float[Tensor, "N"],
    segment: Int[Tensor, "N"],
    weight: Float[Tensor, "N"],
    pair: Int[Tensor, "P 2"],
    *,
    beta: Annotated[float, Gt(0)] = 0.1,
    alpha: Annotated[float, Ge(0)] = 0.01,
) -> Float[Tensor, "P"]:
    r"""DPO whose implicit reward is charged for every token of an answer.

    $$ \mathcal{L} = -\log \sigma\big(\beta (r_w - r_l) + \alpha (|y_w| - |y_l|)\big), \quad
       r = \textstyle\sum_n \log p_{y_n} - \log p^{\mathrm{ref}}_{y_n} $$

    A reward $r(x, y) - \alpha |y|$ is maximised: a chosen answer that is longer has been preferred
    for its length in part, and is pushed less. Hence the plus sign before α. Lengths are counts of
    the tokens that count. With `alpha=0` it is DPO.

    Cost: coupled, four matrix products, and one scan of the reference.
    Status: our reading (the sign follows from the regularised reward; the authors released no code,
    and the values of α that they took were not seen).
    Detached: nothing.
    Denominator: pairs.

    Args:
        log_prob: log p of the target, nats.
        reference_log_prob: the same under the reference: a reader with that role, or a column.
        segment: which answer a token belongs to.
        weight: 0 for the prompt.
        pair: chosen and rejected segment, `[P, 2]`.
        beta: how far from the reference the model may go.
        alpha: what a token costs.

    Returns:
        One loss a pair, nats.

    Raises:
        NotMeasured: the batch has no pairs, or there is no reference.

    Example:
        >>> import torch
        >>> side = torch.tensor([0, 1])
        >>> r_dpo(torch.tensor([-12.0, -15.0]), torch.tensor([-10.0, -14.0]), side, torch.ones(2),
        ...       torch.tensor([[0, 1]]))
        tensor([0.7444])

    References:
        Park et al., Disentangling Length from Quality in Direct Preference Optimization, 2024,
        eq. 9. arXiv:2403.19159.
    """
    ratio = log_prob - reference_log_prob
    chosen, rejected = sum_over_segments(ratio, segment, weight, pair)
    longer, shorter = sum_over_segments((weight > 0).to(ratio), segment, (weight > 0) * 1.0, pair)
    return -logsigmoid(beta * (chosen - rejected) + alpha * (longer - shorter))


def dense(
    z: Tensor,
    y: Tensor,
    reference_log_prob: Tensor,
    segment: Tensor,
    weight: Tensor,
    pair: Tensor,
    *,
    beta: float = 0.1,
    alpha: float = 0.01,
) -> Tensor:
    """The same, from the logits, pair by pair."""
    ratio = z.log_softmax(-1).gather(-1, y[:, None])[:, 0] - reference_log_prob
    losses = []
    for w, r in pair.tolist():
        up, down = ((ratio * weight)[segment == side].sum() for side in (w, r))
        lengths = [((segment == side) & (weight > 0)).sum() for side in (w, r)]
        losses.append(softplus(-beta * (up - down) - alpha * (lengths[0] - lengths[1])))
    return torch.stack(losses) if losses else ratio.new_zeros(0)
