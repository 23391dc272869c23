"""Expected calibration error (ECE): how far stated probabilities lie from what happened."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge
from jaxtyping import Float, Int
from numpy.typing import NDArray

from likely.audit.metrics._given import Array, Labels, Numbers, flags, numbers, together
from likely.core.errors import BadInput
from likely.core.settings import checked

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"order_indifferent"})
Binning = Literal["width", "mass"]
Bins = Annotated[int, Ge(1)]


@dataclass(frozen=True, eq=False)
class Reliability:
    """What a reliability diagram shows; K bins, those without a case left out.

    Args:
        low: lower edge of each bin, not inside but for the lowest.
        high: upper edge of each bin, inside.
        probability: mean of what was stated.
        frequency: share of labels that are 1.
        count: cases.
    """

    low: Float[NDArray[np.float64], "K"]
    high: Float[NDArray[np.float64], "K"]
    probability: Float[NDArray[np.float64], "K"]
    frequency: Float[NDArray[np.float64], "K"]
    count: Int[NDArray[np.int64], "K"]


def expected_calibration_error(
    probabilities: Numbers, labels: Labels, *, bins: Bins = 15, binning: Binning = "width"
) -> float:
    r"""Mean distance between stated probability and frequency, over bins.

    $$ \mathrm{ECE} = \sum_k \frac{n_k}{M} \, |\bar y_k - \bar p_k| $$

    Even a perfectly calibrated model has a value above 0, about in proportion to √(bins/M), since
    frequencies scatter: compare at equal M. Within a bin errors of opposite sign cancel, so that
    it can be too low as well; try another number of bins.

    Args:
        probabilities: what was stated, 0 … 1: of the class named, or that the label is 1.
        labels: 1 where it was so (the class named was right), else 0.
        bins: how many.
        binning: `width` cuts 0 … 1 into equal parts; `mass` cuts at quantiles, so that bins hold
            about equally many cases. Equal probabilities are always in one bin.

    Returns:
        One number for all cases.

    Raises:
        BadSetting: `bins` below 1, or a `binning` that is none.
        BadInput: no cases, a probability outside 0 … 1, a label other than 0 and 1.
        ShapeError: another number of probabilities than of labels.

    Example:
        >>> round(expected_calibration_error([0.8, 0.8, 0.8, 0.8], [1, 1, 0, 0]), 3)
        0.3

    References:
        Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning, 2015.
        Guo et al., On Calibration of Modern Neural Networks, 2017, equation 3. arXiv:1706.04599.
        Nixon et al., Measuring Calibration in Deep Learning, 2019 (bins of equal mass).
        arXiv:1904.01685.
    """
    checked(expected_calibration_error, locals())
    found = reliability(probabilities, labels, bins=bins, binning=binning)
    share = found.count / found.count.sum()
    return float(share @ np.abs(found.frequency - found.probability))


def reliability(
    probabilities: Numbers, labels: Labels, *, bins: Bins = 15, binning: Binning = "width"
) -> Reliability:
    """Stated probability against frequency, bin by bin.

    Args:
        probabilities: what was stated, 0 … 1.
        labels: 1 where it was so, else 0.
        bins: how many, at most.
        binning: `width` for equal parts of 0 … 1, `mass` for about equally many cases.

    Returns:
        The bins that hold a case, in order.

    Raises:
        BadSetting: `bins` below 1, or a `binning` that is none.
        BadInput: no cases, a probability outside 0 … 1, a label other than 0 and 1.
        ShapeError: another number of probabilities than of labels.

    Example:
        >>> reliability([0.1, 0.2, 0.9], [0, 1, 1], bins=2).frequency
        array([0.5, 1. ])
    """
    checked(reliability, locals())
    together("expected_calibration_error", probabilities=probabilities, labels=labels)
    stated = numbers("expected_calibration_error", "probabilities", probabilities)
    happened = flags("expected_calibration_error", labels)
    outside = np.flatnonzero((stated < 0) | (stated > 1))
    if len(outside):
        raise BadInput(
            f"expected_calibration_error: probabilities[{outside[0]}] is {stated[outside[0]]}, "
            "and should lie in 0 … 1."
        )
    edges = _edges(stated, bins, binning)
    at = np.searchsorted(edges[1:-1], stated, side="left")  # an edge belongs to the bin below it
    count = np.bincount(at, minlength=len(edges) - 1)
    there = np.flatnonzero(count)
    held = count[there]
    return Reliability(
        low=edges[:-1][there],
        high=edges[1:][there],
        probability=np.bincount(at, stated, len(count))[there] / held,
        frequency=np.bincount(at, happened.astype(np.float64), len(count))[there] / held,
        count=held.astype(np.int64),
    )


def _edges(stated: Array, bins: int, binning: Binning) -> Array:
    if binning == "width":
        return np.linspace(0, 1, bins + 1)
    # Places of the sorted values, not values between two of them: no rounding at an edge.
    inner = np.quantile(stated, np.arange(1, bins) / bins, method="inverted_cdf")
    return np.concatenate([[0.0], np.unique(inner), [1.0]])
