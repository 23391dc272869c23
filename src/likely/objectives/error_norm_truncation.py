"""Error norm truncation: tokens on which the whole prediction is far off are left out."""

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Lt
from jaxtyping import Float
from torch import Tensor

KNOBS = {"threshold": (1.05, 1.2, 1.35)}


def laws(*, mode: str, **_: object) -> frozenset[str]:
    """Under a threshold every token is judged alone; a fraction compares the tokens of a batch.

    Args:
        mode: which of the two.

    Returns:
        The laws it obeys.
    """
    return frozenset({"separable"}) if mode == "threshold" else frozenset()


def error_norm_truncation(
    log_prob: Float[Tensor, "N"],
    sum_p2: Float[Tensor, "N"],
    weight: Float[Tensor, "N"],
    *,
    mode: Literal["threshold", "fraction"] = "threshold",
    threshold: Annotated[float, Gt(0)] = 1.2,
    fraction: Annotated[float, Ge(0), Lt(1)] = 0.1,
) -> tuple[Float[Tensor, "N"], Float[Tensor, "N"]]:
    r"""Cross-entropy without the tokens whose prediction is far from what came.

    $$ \mathcal{L} = -\frac{\sum_n w_n \log p_{y_n}}{\sum_n w_n}, \quad
       w_n = [\, e_n < \tau \,], \quad
       e_n = \lVert p - \mathbf{1}_{y} \rVert_2 = \sqrt{\textstyle\sum_v p_v^2 - 2 p_y + 1} $$

    The norm lies between 0 and √2; a model that knows nothing has about 1 everywhere, and only one
    that is sure of something else has more. So a threshold above 1 drops nothing at the start,
    while `mode="fraction"` drops as many tokens from the first step on: let a run begin with
    cross-entropy there. The fraction is that of each micro batch, of its tokens that count.

    Cost: separable with a threshold, coupled with a fraction; three or four matrix products.
    Status: our reading (which values the paper's experiments took, and when truncation began, was
    not seen; the norm is checked by its identity).
    Detached: the mask.
    Denominator: kept tokens.

    Args:
        log_prob: log p of the target, nats.
        sum_p2: Σ p².
        weight: how much a position counts.
        mode: drop above a threshold, or the largest fraction.
        threshold: τ, up to √2.
        fraction: share of tokens to drop.

    Returns:
        One loss a token, nats, and its weight: 0 where the token is dropped.

    Example:
        >>> import torch
        >>> sure, wrong = torch.tensor([0.9, 0.02]).log(), torch.tensor([0.82, 0.9])
        >>> error_norm_truncation(sure, wrong, torch.ones(2))[1]
        tensor([1., 0.])

    References:
        Li et al., Error Norm Truncation: Robust Training in the Presence of Data Noise for Text
        Generation Models, 2024, §3. arXiv:2310.00840.
    """
    norm = _norm(log_prob.detach().exp(), sum_p2.detach())
    if mode == "threshold":
        dropped = norm >= threshold
    else:
        dropped = torch.zeros_like(norm, dtype=torch.bool)
        places = (weight > 0).nonzero()[:, 0]
        most = norm[places].argsort(descending=True, stable=True)
        dropped[places[most[: int(fraction * len(places))]]] = True
    return -log_prob, weight.masked_fill(dropped, 0.0)


def _norm(p: Tensor, sum_p2: Tensor) -> Tensor:
    return (sum_p2 - 2 * p + 1).clamp_min(0).sqrt()


def dense(
    z: Tensor,
    y: Tensor,
    weight: Tensor,
    *,
    mode: str = "threshold",
    threshold: float = 1.2,
    fraction: float = 0.1,
) -> tuple[Tensor, Tensor]:
    """The same, from the logits: the norm of the difference itself."""
    one_hot = torch.nn.functional.one_hot(y, z.shape[-1])
    norm = (z.detach().softmax(-1) - one_hot).norm(dim=-1)
    if mode == "fraction":
        counted = norm.masked_fill(weight == 0, -1.0)
        count = int(fraction * int((weight > 0).sum()))
        threshold = float(counted.sort(descending=True).values[count - 1]) if count else 2.0
    keep = weight.masked_fill(norm >= threshold, 0.0)
    return -z.log_softmax(-1).gather(-1, y[:, None])[:, 0], keep
