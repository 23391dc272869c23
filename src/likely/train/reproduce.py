"""Try a claim: tune every arm, run every seed, and see what the decisions that were fixed say."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.train import _trials
from likely.train._attempt import Attempt
from likely.train._crew import Crew
from likely.train._doing import Doing, OnProgress, Progress, measured
from likely.train._tuning import tune
from likely.train.claim import Claim
from likely.train.interrupt import Interrupt
from likely.train.ledger import Result, results, standing, write_result

__all__ = ["OnProgress", "Progress", "reproduce"]


def reproduce(
    claim: Claim,
    *,
    out: str | Path = "ledger",
    seeds: Annotated[int, Ge(1)] | None = None,
    fast: bool = False,
    processes: Annotated[int, Ge(1)] = 1,
    again: bool = False,
    progress: OnProgress | None = None,
) -> Result:
    """Try a claim and write the result into the ledger.

    Every finished trial is kept under `OUT/NAME/.trials`, so that what was stopped or killed goes
    on where it was. A result of the same claim, seeds and code is returned as it stands.

    Args:
        claim: what is tried.
        out: the ledger.
        seeds: how many, in place of those that the claim fixes.
        fast: only look: fewer seeds and smaller settings, as the claim's `[fast]` says, untuned;
            such a result never counts.
        processes: seeds that are tried side by side, each in a process with one thread.
        again: do every trial again, and write another result.
        progress: called several times a second.

    Returns:
        The result, new or as it stood.

    Raises:
        BadSetting: more seeds than the claim fixes before it was tried with these.
        LikelyError: a trial cannot be done; what is finished is kept.
        Interrupted: Ctrl-C; giving the command again goes on.
    """
    checked(reproduce, locals())
    before = results(out, claim)
    count = seeds or (claim.fast.seeds if fast else claim.seeds)
    attempt = Attempt(claim, Path(out), count, fast, _trials.fingerprint(claim.trial))
    same = attempt.same_as(before)
    if same is not None and not again:
        return same
    _not_too_many(claim, count, fast, before)
    with Crew(processes) as crew, Interrupt() as interrupt:
        doing = Doing(attempt, crew, interrupt, progress, again)
        try:
            found = _tried(attempt, doing)
        except KeyboardInterrupt:
            raise attempt.stopped(doing.done()) from None
    return write_result(out, claim, {**found, **_supersedes(attempt, before)})


def _not_too_many(claim: Claim, count: int, fast: bool, before: Sequence[Result]) -> None:
    """More seeds than fixed only after a result with those: nobody adds seeds until it fits."""
    stands = standing(before, claim)
    if count > claim.seeds and not fast and (stands is None or stands.seeds < claim.seeds):
        raise BadSetting(
            f"Claim {claim.name}",
            [
                f"seeds={count} should be at most {claim.seeds}, which the claim fixes: try it "
                "with these first, and a result with more seeds can supersede that one."
            ],
        )


def _tried(attempt: Attempt, doing: Doing) -> dict[str, Any]:
    """Everything that stands in a result, but what it supersedes."""
    claim, begin = attempt.claim, time.perf_counter()
    # What is slow to import waits until trials are done, so that Ctrl-C is heard from the start.
    tuned, tuning = tune(attempt, doing)
    seeds = range(attempt.count)
    trials = {arm: [attempt.trial(arm, seed, tuned[arm]) for seed in seeds] for arm in claim.arms}
    doing.do([[trials[arm][seed] for arm in claim.arms] for seed in seeds])
    kept = {arm: [measured(trial.path) for trial in row] for arm, row in trials.items()}
    found = {arm: [seed["measures"] for seed in row] for arm, row in kept.items()}
    from likely.train._judging import by_arm, judged
    from likely.train.run import environment

    where, spent = environment(), doing.cpu_seconds()
    arms = {
        arm: {
            "settings": trials[arm][0].settings,
            **row,
            "cpu_seconds": [round(seed["cpu_seconds"], 3) for seed in kept[arm]],
        }
        for arm, row in by_arm(found).items()
    }
    return {
        "name": claim.name,
        "claim_key": claim.key,
        "claim": dict(claim.content),
        "code": attempt.code,
        "fast": attempt.fast,
        "seeds": list(seeds),
        "tuned": tuned,
        "tuning": tuning,
        "arms": arms,
        **judged(claim, found, attempt.fast),
        "cpu_minutes": round(spent / 60, 3),
        "cpu_seconds_now": round(doing.cpu_seconds(new=True), 3),
        "wall_seconds": round(time.perf_counter() - begin, 3),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "commit": where["git_commit"],
        "environment": where,
    }


def _supersedes(attempt: Attempt, before: Sequence[Result]) -> dict[str, Any]:
    """Which result this one stands in place of, and what a reader must know about that."""
    claim, notes = attempt.claim, []
    older = [one for one in before if not one.fast]
    changed = [one for one in older if not one.of(claim)]
    stands = standing(before, claim)
    if attempt.fast or (stands is not None and stands.seeds > attempt.count):
        stands = None
    elif stands is None and changed:
        stands = changed[-1]
        notes.append(f"The claim has changed since {stands.path.stem}, which no longer counts.")
    if attempt.count > claim.seeds and not attempt.fast:
        had = f", and with these it was {stands.outcome}" if stands else ""
        notes.append(f"The claim fixes {claim.seeds} seeds{had}; here are {attempt.count}.")
    return {"supersedes": stands.path.stem if stands else None, "notes": notes}
