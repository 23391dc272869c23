"""AUC: how likely a positive case has a higher score than a negative one, with an interval."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Gt, Lt
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from likely.audit.metrics._given import Array, Labels, Numbers, flags, numbers, together
from likely.core.errors import BadInput
from likely.core.estimate import Estimate
from likely.core.settings import checked

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"order_indifferent", "needs_both_labels"})


def auc(
    scores: Numbers,
    labels: Labels,
    *,
    level: Annotated[float, Gt(0), Lt(1)] = 0.95,
    interval: Literal["delong", "newcombe"] = "delong",
) -> Estimate:
    r"""Area under the ROC curve, and the values that go with it.

    $$ A = \frac{1}{mn} \sum_{i=1}^{m} \sum_{j=1}^{n} \big([x_i > y_j] + \tfrac12 [x_i = y_j]\big)
    $$

    x are the scores of the m positive cases and y those of the n negative ones. DeLong's variance
    needs no assumption on their distribution; ranks give it in n log n. The interval is made on the
    scale of logits, so that it stays within 0 … 1 and holds its level where A is near 1. Where that
    variance is 0 or cannot be told (no pair or every pair out of order, all scores equal, one case
    of a class) the interval is Newcombe's, which solves |A − θ| = z √V(θ) with the variance of
    Hanley and McNeil at θ, and is never empty.

    Args:
        scores: higher means more likely positive, one a case.
        labels: 1 for positive cases, 0 for negative ones.
        level: how often such an interval holds the truth.
        interval: `delong`, or `newcombe` always.

    Returns:
        The area, and its interval.

    Raises:
        BadSetting: a `level` outside 0 … 1, or an `interval` that is none.
        BadInput: no cases of one class, a score that is not finite, a label other than 0 and 1.
        ShapeError: another number of scores than of labels.

    Example:
        >>> found = auc([0.9, 0.8, 0.6, 0.7, 0.3, 0.1], [1, 1, 1, 0, 0, 0])
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.889, 0.261, 0.995)
        >>> auc([3, 4], [0, 1]).low < 0.5  # perfect, on two cases
        True

    References:
        DeLong, DeLong, Clarke-Pearson, Comparing the Areas under Two or More Correlated ROC
        Curves, 1988.
        Sun, Xu, Fast Implementation of DeLong's Algorithm, 2014.
        Newcombe, Confidence Intervals for an Effect Size Measure Based on the Mann–Whitney
        Statistic, part 2, 2006, method 5.
        Perme, Manevski, Confidence Intervals for the Mann–Whitney Test, 2019 (why on the scale of
        logits).
    """
    checked(auc, locals())
    together("auc", scores=scores, labels=labels)
    values, positive = numbers("auc", "scores", scores), flags("auc", labels)
    if positive.all() or not positive.any():
        raise BadInput(
            f"auc: all {len(positive)} labels are {int(positive[0])}; cases of both labels are "
            "needed."
        )
    area, variance = _delong(values[positive], values[~positive])
    z = float(norm.isf((1 - level) / 2))
    if interval == "newcombe" or not variance > 0:
        many = int(positive.sum())
        return Estimate(area, *_newcombe(area, many, len(positive) - many, z))
    center, spread = logit(area), z * variance**0.5 / (area * (1 - area))
    return Estimate(area, float(expit(center - spread)), float(expit(center + spread)))


def _delong(high: Array, low: Array) -> tuple[float, float]:
    """The area and its variance from ranks; 0 for a variance that cannot be told."""
    m, n = len(high), len(low)
    ranks = rankdata(np.concatenate([high, low]))
    # Share of the other class that each case beats: its rank among all less that among its own.
    above = (ranks[:m] - rankdata(high)) / n
    below = 1 - (ranks[m:] - rankdata(low)) / m
    area = float(above.mean())
    if min(m, n) < 2:
        return area, 0.0
    variance = above.var(ddof=1) / m + below.var(ddof=1) / n
    # Equal shares can differ in the last digit, and that is no variance.
    return area, float(variance) if variance > 1e-14 else 0.0


def _newcombe(area: float, m: int, n: int, z: float) -> tuple[float, float]:
    """The two θ for which the area is z standard deviations away."""
    many = (m + n) / 2 - 1

    def off(theta: float) -> float:
        shape = (1 - theta) / (2 - theta) + theta / (1 + theta)
        variance = theta * (1 - theta) * (1 + many * shape) / (m * n)
        return float((area - theta) ** 2 - z * z * variance)

    # At an area of 0 or 1 the area itself is a root too, and the other one is looked for.
    low = brentq(off, 0.0, min(area, 1 - 1e-12)) if area > 0 else 0.0
    high = brentq(off, max(area, 1e-12), 1.0) if area < 1 else 1.0
    return float(low), float(high)
