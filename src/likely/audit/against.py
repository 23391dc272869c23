"""Several arms against one baseline, over seeds: better, worse, or what could have been seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from likely.audit._power import LEAST_SEEDS, Share
from likely.audit.seeds import Summary, holm, smallest_effect, summary
from likely.core.settings import checked

Found = Literal["above", "below", "no difference seen", "too few seeds"]


@dataclass(frozen=True)
class Against:
    """What the seeds say about one arm.

    Args:
        summary: of the differences; None with fewer than two seeds.
        p_adjusted: `p_t` after Holm over the arms.
        smallest_effect: what would be found in 80 % of cases at the level that Holm leaves to the
            smallest p-value, whatever the other arms do; None where all seeds gave the same number,
            which says nothing of how much they might differ.
        found: whether the arm lies above the baseline, below it, or neither was seen.
    """

    summary: Summary | None
    p_adjusted: float
    smallest_effect: float | None
    found: Found


def against(
    differences: Mapping[str, Sequence[float]], *, confidence: Share = 0.95
) -> dict[str, Against]:
    """Hold arms against a baseline by their paired differences over seeds.

    An arm differs where Student's t test says so after Holm's steps over all arms, so that the
    chance of naming any arm that does not differ stays below the level. Where all seeds agree to
    the last digit, the sign-flip test decides.

    Args:
        differences: arm − baseline, one a seed, by arm.
        confidence: of the intervals; the level of the tests is one minus it.

    Returns:
        What was found, by arm.

    Raises:
        BadInput: differences that are not finite, or more than 44 of them.

    Example:
        >>> low = [-0.31, -0.27, -0.36, -0.22, -0.30, -0.29]
        >>> found = against({"a": low, "b": [0.1, -0.1, 0.2, -0.2, 0.1, -0.1], "c": [0.1]})
        >>> [one.found for one in found.values()]
        ['below', 'no difference seen', 'too few seeds']
    """
    checked(against, locals())
    summaries = {
        arm: summary(values, confidence=confidence) if len(values) > 1 else None
        for arm, values in differences.items()
    }
    adjusted = holm([one.p_t if one else 1.0 for one in summaries.values()])
    strictest = 1 - (1 - confidence) / max(len(summaries), 1)
    return {
        arm: _found(one, p, strictest, 1 - confidence)
        for (arm, one), p in zip(summaries.items(), adjusted, strict=True)
    }


def _found(one: Summary | None, p: float, strictest: float, level: float) -> Against:
    if one is None:
        return Against(None, p, None, "too few seeds")
    effect = None
    if one.deviation > 0:
        effect = smallest_effect(one.deviation, one.seeds, confidence=strictest)
    if one.seeds < LEAST_SEEDS:
        return Against(one, p, effect, "too few seeds")
    if p < level and one.mean != 0:
        return Against(one, p, effect, "above" if one.mean > 0 else "below")
    return Against(one, p, effect, "no difference seen")
