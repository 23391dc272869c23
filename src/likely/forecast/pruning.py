"""Parameters over the time of training, for models that are pruned while they learn."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from jaxtyping import Float

from likely.core.errors import BadInput, BadSetting
from likely.core.settings import checked

Share = Annotated[float, Ge(0), Le(1)]


def average_of(
    params: Float[np.ndarray, "_"], tokens: Float[np.ndarray, "_"] | None = None
) -> float:
    r"""The mean of a model's parameters over its training, for the law `average_params`.

    $$ \bar N = \sum_t N_t w_t \Big/ \sum_t w_t $$

    Args:
        params: parameters that were there at every step, or in every stretch of training.
        tokens: w, read in each; the same in each where it is left out.

    Returns:
        The mean.

    Raises:
        BadInput: no steps, another number of weights, or values that are no count.

    Example:
        >>> average_of(np.array([8e9, 4e9]), np.array([1e9, 3e9]))
        5000000000.0

    References:
        Jin et al., The Journey Matters: Average Parameter Count over Pre-training Unifies Sparse
        and Dense Scaling Laws, 2025. arXiv:2501.12486
    """
    weights = np.ones_like(params) if tokens is None else tokens
    if params.size == 0 or params.shape != weights.shape:
        raise BadInput(
            f"A mean needs parameters and tokens of the same stretches of training, and here are "
            f"{params.size} and {weights.size}."
        )
    bad = ~(np.isfinite(params) & (params > 0) & np.isfinite(weights) & (weights >= 0))
    if bad.any() or weights.sum() == 0:
        place = int(np.argmax(bad)) if bad.any() else 0
        raise BadInput(
            f"Parameters should be above 0 and tokens not below: stretch {place} has "
            f"{params[place]} parameters and {weights[place]} tokens."
        )
    return float(np.average(params, weights=weights))


def pruned(
    dense: Annotated[float, Gt(0)],
    *,
    sparsity: Annotated[float, Ge(0), Lt(1)],
    start: Share = 0.25,
    end: Share = 0.75,
    steps: Annotated[int, Ge(1)] = 1000,
) -> Float[np.ndarray, "_"]:
    r"""Parameters at every step of gradual pruning between two shares of the compute of training.

    $$ N(u) = N_0 (1 - s)^u, \qquad m = \frac{s}{-\ln(1 - s)}, \qquad
       \bar N = N_0 \Big/ \left(c_0 + \frac{c_1 - c_0}{m} + \frac{1 - c_1}{1 - s}\right) $$

    The same share of what is left goes at every step of the pruning, u from 0 to 1; m is the mean
    size while it lasts. A small model makes more steps of the same compute, so that pruning begins
    and ends earlier in steps than in compute. The authors find 25 and 75 % of compute nearly best.

    Args:
        dense: N0, parameters before pruning; the authors count those of linear layers alone.
        sparsity: s, share that is gone at the end.
        start: c0, share of the compute after which pruning begins.
        end: c1, share of the compute after which it is done.
        steps: how many there are, all of as many tokens.

    Returns:
        Parameters, one number a step.

    Raises:
        BadSetting: a setting out of range, or an end that is not behind the start.

    Example:
        >>> sizes = pruned(1e9, sparsity=0.4)
        >>> [float(sizes[i]) for i in (0, 190, 999)], round(average_of(sizes) / 1e9, 3)
        ([1000000000.0, 1000000000.0, 600000000.0], 0.766)

    References:
        Jin et al., The Journey Matters, 2025. arXiv:2501.12486 (25 and 75 % of compute; that the
        same share goes at every step is our reading of the mean densities on the cards of their
        models, `tjingrant/sparsellm-1b-20p` to `-80p`, which it gives within .3 %)
    """
    checked(pruned, locals())
    if not start < end:
        raise BadSetting("pruned", [f"end={end} should be more than start={start}."])
    mean = -sparsity / np.log1p(-sparsity) if sparsity else 1.0
    # Compute is size times steps, so that each stretch takes its compute over its mean size.
    stretches = np.array([start, (end - start) / mean, (1 - end) / (1 - sparsity)])
    first, second = np.cumsum(stretches)[:2] / stretches.sum()
    # The middle of a step stands for it, so that the mean hardly depends on their number.
    now = (np.arange(steps) + 0.5) / steps
    done = np.clip((now - first) / (second - first), 0.0, 1.0)
    return np.asarray(dense * np.exp(done * np.log1p(-sparsity)), np.float64)
