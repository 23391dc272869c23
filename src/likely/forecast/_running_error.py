"""By how much the law of a run in progress is wrong: usually, and on this curve."""

import numpy as np
from jaxtyping import Float

from likely.forecast._running_checks import FEWEST
from likely.forecast._running_fit import ends
from likely.forecast._running_points import Points

LAW_ERROR, OF_THE_FALL, OF_THE_ROUGH = 0.002, 0.1, 1.5
"""What the law misses of a run: as a share of the loss, for one e times as long as the curve (the
root of the logarithm for others); as a share of the fall that is yet to come; and in units of what
it leaves of the points of this curve beyond their noise. By these, bands of 95 % hold the end of
published curves that were cut, and about that share of those of our own runs of 600 steps."""
_ROLLBACKS = (0.5, 0.75)
"""Shares of the curve after which the rest of it is forecast, to see how wrong that would be."""


def law_error(seen: float, fall: float, rough: float) -> float:
    """What the law misses, as a share of the loss.

    Args:
        seen: share of the run that the curve is.
        fall: log of the loss now over the loss that is forecast.
        rough: what the law leaves of the points of this curve, as a share of the loss.

    Returns:
        A standard deviation.
    """
    ahead = LAW_ERROR * np.sqrt(max(-np.log(seen), 0.0))
    return float(np.sqrt(ahead**2 + (OF_THE_FALL * fall) ** 2 + (OF_THE_ROUGH * rough) ** 2))


def missed_by(train: Points, validation: Points, rates: Float[np.ndarray, "_"]) -> float:
    """By how many of its errors the law missed what came of this curve after earlier moments.

    Args:
        train: the curve of training.
        validation: that of validation text, looked at where the other is empty.
        rates: of the whole run.

    Returns:
        1 at least.
    """
    curve = train if len(train.steps) else validation
    of = "train" if len(train.steps) else "validation"
    squares, first, last = [], float(curve.steps[0]), float(curve.steps[-1])
    for share in _ROLLBACKS:
        cut = first + share * (last - first)
        before = curve.upto(cut)
        rest = curve.after((cut + last) / 2)
        if len(before.steps) < FEWEST // 3 or not len(rest.steps):
            continue
        middle = int(np.round(rest.steps.mean()))
        said = ends(train.upto(cut), validation.upto(cut), rates, at=middle, of=of)
        seen = float(before.steps[-1]) / middle
        truth = float(rest.losses.mean())
        spread = (said.draws.std() / truth) ** 2 + law_error(seen, said.fall, said.rough) ** 2
        spread += float(rest.variances.mean()) / len(rest.steps) / truth**2
        squares.append(np.log(truth / np.median(said.draws)) ** 2 / spread)
    return max(1.0, float(np.sqrt(np.mean(squares)))) if squares else 1.0
