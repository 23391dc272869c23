"""Statistics over seeds: paired differences, their interval, two tests, what could be seen.

The seed is the unit. Documents of one training are not independent evidence about the next
training, so they are averaged within a seed first, and only seeds are counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from likely.audit._power import Share, power, seeds_needed, smallest_effect
from likely.core.errors import BadInput, ShapeError
from likely.core.settings import checked

__all__ = [
    "Summary",
    "holm",
    "paired",
    "power",
    "seeds_needed",
    "sign_flip",
    "smallest_effect",
    "summary",
]

Measured = float | Sequence[float] | NDArray[np.float64]
"""What one seed measured: a number, or one number a document."""
_MOST_SEEDS = 44


def paired(arm: Sequence[Measured], against: Sequence[Measured]) -> list[float]:
    """Differences of two arms, one a seed: document by document, then averaged within the seed.

    Args:
        arm: one entry a seed: a number, or one number a document.
        against: the same of the other arm, with the same seeds and documents.

    Returns:
        Mean of arm − against of each seed.

    Raises:
        ShapeError: the arms have other seeds, or other documents within a seed.

    Example:
        >>> paired([[1.0, 3.0], 2.0], [[0.0, 0.0], 1.5])
        [2.0, 0.5]
    """
    if len(arm) != len(against):
        raise ShapeError(f"{len(arm)} seeds cannot be paired with {len(against)}.")
    differences = []
    for seed, (one, other) in enumerate(zip(arm, against, strict=True)):
        first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
        if first.shape != second.shape and second.ndim:
            raise ShapeError(
                f"Seed {seed}: values of shape {list(first.shape)} cannot be paired with values "
                f"of shape {list(second.shape)}: both arms need the same documents."
            )
        differences.append(float(np.mean(first - second)))
    return differences


@dataclass(frozen=True)
class Summary:
    """What differences over seeds say about a margin.

    Args:
        seeds: R, how many there are.
        mean: of the differences.
        low: lower end of Student's interval for the mean.
        high: upper end.
        deviation: standard deviation of one seed's difference.
        p_t: two-sided p-value of Student's t test that the mean is the margin. Where all seeds
            agree to the last digit there is no t, and this is `p_sign`.
        p_sign: two-sided p-value of the exact sign-flip test of the same.
        smallest_effect: distance from the margin that this design finds in 80 % of cases.
        seeds_for_half: seeds with which it would find half of that.
    """

    seeds: int
    mean: float
    low: float
    high: float
    deviation: float
    p_t: float
    p_sign: float
    smallest_effect: float
    seeds_for_half: int


def summary(
    differences: Sequence[float] | NDArray[np.float64],
    *,
    margin: float = 0.0,
    confidence: Share = 0.95,
) -> Summary:
    r"""Student's interval of the mean over seeds, and two tests that it is `margin`.

    $$ \bar d \pm t_{R-1,\,(1+c)/2} \; s / \sqrt{R} $$

    Args:
        differences: one a seed, `[R]`.
        margin: the value that is tested against.
        confidence: of the interval; the tests' level is one minus it.

    Returns:
        The summary.

    Raises:
        BadInput: fewer than two seeds, more than 44, or values that are not finite.
        BadSetting: a confidence outside (0, 1), or a margin that is no finite number.

    Example:
        >>> found = summary([0.31, 0.27, 0.36, 0.22, 0.30, 0.29])
        >>> round(found.low, 3), round(found.high, 3), found.p_sign
        (0.243, 0.34, 0.03125)

    References:
        Student 1908, *The probable error of a mean*; Fisher 1935, *The Design of Experiments*, §21
        (flipping signs).
    """
    checked(summary, locals())
    values = np.asarray(differences, np.float64)
    count = len(values)
    if not 2 <= count <= _MOST_SEEDS or not np.isfinite(values).all():
        raise BadInput(
            f"An interval over seeds needs 2 to {_MOST_SEEDS} finite differences, and here are "
            f"{values.tolist()}."
        )
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    p_sign = sign_flip(values - margin)
    # Equal numbers have a deviation of rounding: that is no spread to divide by.
    spread = deviation > 1e-12 * max(float(np.abs(values).max()), 1e-300)
    deviation = deviation if spread else 0.0
    error = deviation / np.sqrt(count)
    half = float(stats.t.ppf((1 + confidence) / 2, count - 1)) * error
    p_t = float(2 * stats.t.sf(abs(mean - margin) / error, count - 1)) if spread else p_sign
    in_deviations = smallest_effect(1.0, count, confidence=confidence)
    return Summary(
        seeds=count,
        mean=mean,
        low=float(mean - half),
        high=float(mean + half),
        deviation=deviation,
        p_t=p_t,
        p_sign=p_sign,
        smallest_effect=deviation * in_deviations,
        seeds_for_half=seeds_needed(float(spread), in_deviations / 2, confidence=confidence),
    )


def sign_flip(differences: ArrayLike) -> float:
    r"""Exact two-sided p-value that each difference could as well be its negative.

    $$ p = 2^{-R} \, \#\{ \sigma \in \{\pm 1\}^R : |\textstyle\sum_i \sigma_i d_i| \ge
       |\textstyle\sum_i d_i| \} $$

    All 2^R patterns are counted, by sums of two halves.

    Args:
        differences: one a seed, `[R]`, R at most 44.

    Returns:
        The p-value; never below 2^(1−R).

    Example:
        >>> sign_flip([1, 2, 3, 4, 5, 6]), sign_flip([1, -1, 1, -1, 1, -1])
        (0.03125, 1.0)

    References:
        Fisher 1935, *The Design of Experiments*, §21.
    """
    values = np.asarray(differences, np.float64)
    observed = abs(values.sum())
    # A pattern that gives the observed sum must count, whatever rounding did to it.
    least = observed - 1e-9 * max(float(np.abs(values).sum()), 1e-300)
    middle = len(values) // 2
    left, right = (np.sort(_signed_sums(part)) for part in (values[:middle], values[middle:]))
    above = len(right) - np.searchsorted(right, least - left, side="left")
    below = np.searchsorted(right, -least - left, side="right")
    both = 2.0 ** len(values)
    return float(min((above.sum() + below.sum()) / both, 1.0))


def _signed_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums - value, sums + value])
    return sums


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted so that the chance of any false rejection stays below the level.

    Args:
        p_values: one a hypothesis.

    Returns:
        Adjusted p-values in the same order, at most 1.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]

    References:
        Holm 1979, *A simple sequentially rejective multiple test procedure*.
    """
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted
