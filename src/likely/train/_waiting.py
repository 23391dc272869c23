"""Which claims wait to be tried, in which order, and what each would cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from likely.train.claim import Claim
from likely.train.ledger import Result, results, standing

MOST_SEEDS = 44
"""More than these the exact sign-flip test cannot count."""


@dataclass(frozen=True)
class Waiting:
    """A claim that has no decision yet.

    Args:
        claim: what is to be tried.
        seeds: how many it takes.
        cpu_minutes: what that would cost.
        stands: its result so far.
    """

    claim: Claim
    seeds: int
    cpu_minutes: float
    stands: Result | None

    @property
    def untried(self) -> bool:
        """Whether the seeds that the claim fixes are still missing."""
        return self.stands is None or self.stands.seeds < self.claim.seeds


def waiting(claims: Iterable[Claim], out: str | Path) -> list[Waiting]:
    """Claims without a decision: untried ones first, then undecided ones; the cheapest first.

    Args:
        claims: to choose from.
        out: the ledger.

    Returns:
        What is to be done. What is undecided and would need more seeds than the tests can count,
        or nobody knows how many, is left out.
    """
    found = [one for claim in claims if (one := _waits(claim, out)) is not None]
    return sorted(found, key=lambda one: (not one.untried, one.cpu_minutes))


def _waits(claim: Claim, out: str | Path) -> Waiting | None:
    stands = standing(results(out, claim), claim)
    if stands is None or stands.seeds < claim.seeds:
        return Waiting(claim, claim.seeds, claim.cpu_minutes, stands)
    needed = stands.seeds_needed
    if stands.outcome != "undecided" or needed is None or not stands.seeds < needed <= MOST_SEEDS:
        return None
    spent = sum(sum(arm["cpu_seconds"]) for arm in stands.content["arms"].values())
    cost = spent / 60 / stands.seeds * (needed - stands.seeds)
    return Waiting(claim, needed, cost, stands)
