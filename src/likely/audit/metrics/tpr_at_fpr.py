"""True positive rate at a false positive rate: what is found while hardly anybody is accused."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from scipy.stats import binomtest

from likely.audit.metrics._given import Labels, Numbers, flags, numbers, together
from likely.core.errors import BadInput
from likely.core.estimate import Estimate
from likely.core.settings import checked

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"order_indifferent", "needs_both_labels"})


def tpr_at_fpr(
    scores: Numbers,
    labels: Labels,
    *,
    fpr: Annotated[float, Ge(0), Le(1)] = 0.01,
    level: Annotated[float, Gt(0), Lt(1)] = 0.95,
) -> Estimate:
    r"""Share of positive cases above a threshold that at most a share of negative ones exceeds.

    $$ \max_\tau \frac{|\{x_i > \tau\}|}{m} \quad \text{where} \quad
    \frac{|\{y_j > \tau\}|}{n} \le \mathrm{fpr} $$

    x are the scores of the m positive cases and y those of the n negative ones; of the thresholds
    that are allowed it is the lowest one. The interval is Clopper and Pearson's for the share of
    positive cases above the threshold. It takes the threshold as given: that another sample of
    negative cases would have put it elsewhere is not in it, so have many of those.

    Args:
        scores: higher means more likely positive, one a case.
        labels: 1 for positive cases, 0 for negative ones.
        fpr: share of negative cases that may be above the threshold; 0 for none of them.
        level: how often such an interval holds the truth.

    Returns:
        The rate, and its interval.

    Raises:
        BadSetting: `fpr` or `level` outside 0 … 1.
        BadInput: no cases of one class, fewer than 1/`fpr` negative ones, a score that is not
            finite, a label other than 0 and 1.
        ShapeError: another number of scores than of labels.

    Example:
        >>> found = tpr_at_fpr([4, 3, 1, 2, 2, 0, 0], [1, 1, 1, 0, 0, 0, 0], fpr=0.25)
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.667, 0.094, 0.992)

    References:
        Carlini et al., Membership Inference Attacks From First Principles, 2022, section 3 (why at
        low rates). arXiv:2112.03570.
        Clopper, Pearson, The Use of Confidence or Fiducial Limits, 1934.
    """
    checked(tpr_at_fpr, locals())
    together("tpr_at_fpr", scores=scores, labels=labels)
    values, positive = numbers("tpr_at_fpr", "scores", scores), flags("tpr_at_fpr", labels)
    high, low = values[positive], np.sort(values[~positive])[::-1]
    if not len(high) or not len(low):
        raise BadInput(
            f"tpr_at_fpr: all {len(values)} labels are {int(positive[0])}; cases of both labels "
            "are needed."
        )
    allowed = int(np.floor(fpr * len(low) + 1e-9))
    if fpr > 0 and not allowed:
        raise BadInput(
            f"tpr_at_fpr: fpr={fpr} cannot be told from 0 with {len(low)} negative cases; give at "
            f"least {int(np.ceil(1 / fpr - 1e-9))}, or ask for fpr=0: what is above all of them."
        )
    above = len(high) if allowed == len(low) else int((high > low[allowed]).sum())
    found = binomtest(above, len(high)).proportion_ci(confidence_level=level, method="exact")
    return Estimate(above / len(high), float(found.low), float(found.high))
