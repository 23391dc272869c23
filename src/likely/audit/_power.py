"""What a design of so many seeds can see, by the noncentral t distribution."""

from functools import cache
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt
from scipy import optimize, stats

from likely.core.settings import checked

Share = Annotated[float, Gt(0), Lt(1)]
LEAST_SEEDS = 5
"""Below this many seeds there is no verdict: two sides of a sign-flip test of 4 end at 0.125."""
POWER = 0.8
_MOST_NEEDED = 100_000


def power(effect: float, deviation: float, seeds: int, *, confidence: Share = 0.95) -> float:
    r"""Chance that a two-sided t test over seeds finds an effect.

    $$ P(|T| > t_{R-1,\,(1+c)/2}), \quad T \sim t_{R-1}(\text{effect} \sqrt{R} / s) $$

    Args:
        effect: true distance from the margin.
        deviation: s, of one seed's difference.
        seeds: R.
        confidence: one minus the level of the test.

    Returns:
        The chance.

    References:
        Cohen 1988, *Statistical Power Analysis for the Behavioral Sciences*, ch. 2.
    """
    checked(power, locals())
    critical = stats.t.ppf((1 + confidence) / 2, seeds - 1)
    shift = abs(effect) * np.sqrt(seeds) / deviation
    found = stats.nct.sf(critical, seeds - 1, shift) + stats.nct.cdf(-critical, seeds - 1, shift)
    # Far out, the distribution has no number; there the test always finds the effect.
    return float(found) if np.isfinite(found) else 1.0


def smallest_effect(
    deviation: float, seeds: int, *, confidence: Share = 0.95, chance: Share = POWER
) -> float:
    """The effect that a design finds with a given chance.

    Args:
        deviation: of one seed's difference.
        seeds: how many.
        confidence: one minus the level of the test.
        chance: of finding it.

    Returns:
        The effect, in the units of the deviation; 0 where nothing varies.

    Example:
        >>> round(smallest_effect(1.0, 6), 2)
        1.43
    """
    checked(smallest_effect, locals())
    return deviation * _in_deviations(seeds, confidence, chance)


@cache
def _in_deviations(seeds: int, confidence: float, chance: float) -> float:
    def short(effect: float) -> float:
        return power(effect, 1.0, seeds, confidence=confidence) - chance

    most = 1.0
    while short(most) < 0:
        most *= 2
    return float(optimize.brentq(short, 0.0, most))


def seeds_needed(
    deviation: float, effect: float, *, confidence: Share = 0.95, chance: Share = POWER
) -> int:
    """How many seeds find an effect with a given chance.

    Args:
        deviation: of one seed's difference.
        effect: to be found.
        confidence: one minus the level of the test.
        chance: of finding it.

    Returns:
        At least 5; at most 100,000.

    Example:
        >>> seeds_needed(1.0, 0.5)
        34
    """
    checked(seeds_needed, locals())
    if deviation == 0:
        return LEAST_SEEDS
    return _seeds_needed(effect / deviation, confidence, chance)


@cache
def _seeds_needed(effect: float, confidence: float, chance: float) -> int:
    low, high = LEAST_SEEDS, _MOST_NEEDED
    while low < high:
        middle = (low + high) // 2
        enough = power(effect, 1.0, middle, confidence=confidence) >= chance
        low, high = (low, middle) if enough else (middle + 1, high)
    return low
