"""Every arm finds its best settings, by the same grid, on seeds that no verdict uses."""

from collections.abc import Mapping
from typing import Any

from likely.train._attempt import Attempt
from likely.train._doing import Doing, measured
from likely.train._measures import mean
from likely.train.claim import Settings

Tuned = tuple[dict[str, Settings], dict[str, Any] | None]


def tune(attempt: Attempt, doing: Doing) -> Tuned:
    """Try every combination of the grid with every arm.

    Args:
        attempt: what is tried.
        doing: does the trials.

    Returns:
        The best combination of each arm, the first of those that are equally good; and every
        number that was looked at. A quick look takes the first combination of all.
    """
    tuning, arms = attempt.claim.tuning, tuple(attempt.claim.arms)
    if tuning is None:
        return {arm: {} for arm in arms}, None
    grid = tuning.combinations
    if attempt.fast:
        return {arm: grid[0] for arm in arms}, None
    trials = {
        (arm, place, seed): attempt.trial(arm, seed, chosen, tuning.measure)
        for arm in arms
        for place, chosen in enumerate(grid)
        for seed in tuning.seeds
    }
    # A unit is one combination, so that several processes have something to do with one seed.
    doing.do(
        [[trials[arm, place, seed] for arm in arms] for seed in tuning.seeds
         for place in range(len(grid))]
    )  # fmt: skip
    rows, best = [], {}
    for arm in arms:
        tried: list[dict[str, Any]] = []
        for place, chosen in enumerate(grid):
            values = [
                mean(measured(trials[arm, place, seed].path)["measures"][tuning.measure])
                for seed in tuning.seeds
            ]
            tried.append({"arm": arm, "settings": chosen, "values": values, "mean": mean(values)})
        best[arm] = _best(tried, tuning.best == "lowest")["settings"]
        rows += tried
    said = {"measure": tuning.measure, "best": tuning.best, "seeds": list(tuning.seeds)}
    return best, {**said, "tried": rows}


def _best(tried: list[dict[str, Any]], lowest: bool) -> Mapping[str, Any]:
    return min(tried, key=lambda row: row["mean"] if lowest else -row["mean"])
