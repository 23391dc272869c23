"""How much of what training changes cancels: losses of single examples at two checkpoints."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from likely.core.errors import BadInput, ShapeError


@dataclass(frozen=True)
class ZeroSum:
    """What changed between two checkpoints, and how much of it cancelled.

    Args:
        change: mean change of the loss; below 0 where it fell.
        magnitude: mean of the absolute changes.
        interference: share of the changes that cancelled: 0 where all examples moved the same way,
            1 where what some won others lost.
        worse: share of the examples whose loss rose.
    """

    change: float
    magnitude: float
    interference: float
    worse: float


def zero_sum(before: Float[np.ndarray, "..."], after: Float[np.ndarray, "..."]) -> ZeroSum:
    r"""Destructive interference of the changes in loss of the same examples at two checkpoints.

    $$ D = 1 - \frac{\left|\sum_i \Delta \ell_i\right|}{\sum_i \left|\Delta \ell_i\right|},
       \qquad \left|\overline{\Delta \ell}\right| = M \, (1 - D), \quad
       M = \overline{\left|\Delta \ell\right|} $$

    The mean change is the product of how much moves (M) and of what does not cancel (1 − D). A loss
    that slows down while M stays and D rises towards 1 is zero-sum learning. Where nothing changed
    at all, nothing cancelled: D is 0.

    Args:
        before: losses of single examples, or tokens, at the earlier checkpoint.
        after: losses of the same, in the same order, at the later one.

    Returns:
        The changes and their interference.

    Raises:
        ShapeError: the two are of different shapes.
        BadInput: there are none, or some are not finite.

    Example:
        >>> found = zero_sum(np.array([3.0, 2.0, 4.0]), np.array([2.0, 2.5, 4.0]))
        >>> round(found.interference, 3), found.magnitude, round(found.change, 3)
        (0.667, 0.5, -0.167)

    References:
        Mircea et al., Training Dynamics Underlying Language Model Scaling Laws: Loss Deceleration
        and Zero-Sum Learning, 2025. arXiv:2506.05447 (their examples are single tokens, and D and M
        the names of their figures; we have the formula at second hand)
    """
    if before.shape != after.shape:
        raise ShapeError(
            f"Losses of shape {list(before.shape)} cannot be compared with losses of shape "
            f"{list(after.shape)}: both checkpoints need the same examples in the same order."
        )
    moved = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    if moved.size == 0 or not np.isfinite(moved).all():
        unusable = int(moved.size - np.isfinite(moved).sum())
        raise BadInput(
            f"Interference needs finite losses of at least one example, and of {moved.size} here "
            f"{unusable} are not finite."
        )
    total, absolute = float(moved.sum()), float(np.abs(moved).sum())
    # Rounding can make the sum of the changes a little larger than that of their sizes.
    kept = min(1.0, abs(total) / absolute) if absolute else 1.0
    return ZeroSum(total / moved.size, absolute / moved.size, 1 - kept, float((moved > 0).mean()))
