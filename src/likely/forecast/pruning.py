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
    power: Annotated[float, Gt(0)] = 3.0,
    steps: Annotated[int, Ge(1)] = 1000,
) -> Float[np.ndarray, "_"]:
    r"""Parameters at every step of gradual pruning between two shares of training.

    $$ N(t) = N_0 \left(1 - s \left[1 - (1 - u)^p\right]\right), \qquad
       u = \min\!\left(1, \max\!\left(0, \frac{t - t_0}{t_1 - t_0}\right)\right) $$

    The authors find a start at 25 % and an end at 75 % of compute nearly best. Compute and tokens
    are not the same while the model shrinks: `start` and `end` are shares of the steps here. The
    cubic shape is that of gradual magnitude pruning; that they use it is our reading.

    Args:
        dense: N0, parameters before pruning.
        sparsity: s, share that is gone at the end.
        start: share of the steps after which pruning begins.
        end: share of the steps after which it is done.
        power: p, 3 for the usual cubic, 1 for a straight line.
        steps: how many there are.

    Returns:
        Parameters, one number a step.

    Raises:
        BadSetting: a setting out of range, or an end that is not behind the start.

    Example:
        >>> sizes = pruned(1e9, sparsity=0.75)
        >>> [float(sizes[i]) for i in (0, 249, 750)], round(average_of(sizes) / 1e9, 3)
        ([1000000000.0, 1000000000.0, 250000000.0], 0.531)

    References:
        Jin et al., The Journey Matters, 2025. arXiv:2501.12486;
        Zhu and Gupta, To prune, or not to prune, 2017, eq. 1. arXiv:1710.01878 (the cubic)
    """
    checked(pruned, locals())
    if not start < end:
        raise BadSetting("pruned", [f"end={end} should be more than start={start}."])
    # The middle of a step stands for it, so that the mean does not depend on their number.
    now = (np.arange(steps) + 0.5) / steps
    done = np.clip((now - start) / (end - start), 0.0, 1.0)
    return dense * (1 - sparsity * (1 - (1 - done) ** power))
