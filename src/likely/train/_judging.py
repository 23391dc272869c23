"""What the measures of all seeds say to the decisions of a claim."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from likely.audit.seeds import paired
from likely.audit.verdict import Answer, Outcome, Question, judge, overall
from likely.core.errors import LikelyError, ShapeError
from likely.train._measures import mean
from likely.train.claim import Claim, Decision

Measures = Mapping[str, Any]
"""What one trial found: a number, or one a document, by name."""
Found = Mapping[str, Sequence[Measures]]
"""Measures of every seed, by arm."""


def by_arm(found: Found) -> dict[str, Any]:
    """Every measure of every arm, one number a seed, with the number of documents behind it.

    Args:
        found: measures by arm.

    Returns:
        Arm → `measures` and `documents`, by name; documents are None for plain numbers.
    """
    return {
        arm: {
            "measures": {name: [mean(seed[name]) for seed in seeds] for name in seeds[0]},
            "documents": {
                name: [len(seed[name]) for seed in seeds] if isinstance(value, list) else None
                for name, value in seeds[0].items()
            },
        }
        for arm, seeds in found.items()
    }


def judged(claim: Claim, found: Found, fast: bool) -> dict[str, Any]:
    """Answer every decision of a claim.

    Args:
        claim: its decisions, and how many seeds they need.
        found: measures by arm.
        fast: whether this was only a look.

    Returns:
        `decisions`, `outcome` and `reason`, as they stand in a result.
    """
    questions = [_question(one, found) for one in claim.decisions]
    answers = judge(questions)
    count = len(next(iter(found.values())))
    rows = [_row(*pair) for pair in zip(claim.decisions, answers, strict=True)]
    for row in rows:
        if fast and row["outcome"] != "no verdict":
            row |= {"outcome": "no verdict", "reason": "A quick look never counts."}
        elif count < claim.seeds and row["outcome"] != "no verdict":
            reason = f"The claim fixes {claim.seeds} seeds, and {count} were tried."
            row |= {"outcome": "undecided", "reason": reason}
    outcomes: list[Outcome] = [row["outcome"] for row in rows]
    outcome = overall(outcomes)
    reason = next((row["reason"] for row in rows if row["outcome"] == outcome), "")
    return {"decisions": rows, "outcome": outcome, "reason": reason}


def _question(one: Decision, found: Found) -> Question:
    arm = [seed[one.measure] for seed in found[one.arm]]
    if isinstance(one.against, str):
        other = [seed[one.against_measure or one.measure] for seed in found[one.against]]
    else:
        other = [one.against] * len(arm)
    try:
        differences = paired(arm, other)
    except ShapeError as problem:
        raise LikelyError(f"The decision {one.says!r}: {problem}") from problem
    return Question(one.says, tuple(differences), one.side, one.margin)


def _row(one: Decision, answer: Answer) -> dict[str, Any]:
    """A decision and its answer as plain values; None for what too few seeds cannot say."""
    names = ("mean", "low", "high", "deviation", "p_t", "p_sign", "smallest_effect")
    numbers: dict[str, Any] = dict.fromkeys((*names, "seeds_for_half"))
    if answer.summary is not None:
        kept = asdict(answer.summary)
        numbers = {name: kept[name] for name in numbers}
    return {
        **asdict(one),
        "differences": list(answer.question.differences),
        **numbers,
        "p_adjusted": None if answer.summary is None else answer.p_adjusted,
        "outcome": answer.outcome,
        "reason": answer.reason,
    }
