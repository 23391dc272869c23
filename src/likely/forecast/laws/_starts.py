"""First guesses for laws that are not linear enough for a plain grid."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Float

Values = Float[np.ndarray, "R"]


def weighted(factors: Sequence[Any], target: Values, weights: Values) -> tuple[Any, float]:
    """Least squares of a target on factors that nobody wants negative.

    Args:
        factors: one column each, or a number.
        target: `[R]`.
        weights: of the residuals, `[R]`.

    Returns:
        Coefficients, none so small that it had no logarithm, and the sum of squared weighted
        residuals.
    """
    from scipy.optimize import nnls

    columns = np.stack([np.broadcast_to(one, target.shape) * weights for one in factors], axis=1)
    scale = np.maximum(np.abs(columns).max(axis=0), 1e-300)
    found, rest = nnls(columns / scale, target * weights)
    # What was pressed to nothing would have no logarithm.
    return np.maximum(found, 1e-3 * np.mean(target * weights)) / scale, float(rest**2)


def best(candidates: Sequence[tuple[float, Mapping[str, float]]], keep: int) -> dict[str, Any]:
    """Grids that hold the best of many first guesses.

    Args:
        candidates: what each leaves unexplained, and its coefficients.
        keep: how many are kept.

    Returns:
        Coefficient → values, each once: their product contains every guess that was kept.
    """
    ranked = sorted(candidates, key=lambda one: one[0])[:keep]
    return {name: np.unique([one[1][name] for one in ranked]) for name in ranked[0][1]}


def pairs(*grids: Any) -> Any:
    """Every combination of some grids.

    Args:
        grids: values of each coefficient.

    Returns:
        An iterator of tuples.
    """
    return product(*(tuple(float(value) for value in grid) for grid in grids))
