"""What seeds say to the conditions of a claim: held, failed, or undecided."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from likely.audit._power import LEAST_SEEDS, Share
from likely.audit.seeds import Summary, holm, summary
from likely.core.settings import checked

Outcome = Literal["held", "failed", "undecided", "no verdict"]


@dataclass(frozen=True)
class Question:
    """One condition of a claim.

    Args:
        says: the condition in words.
        differences: arm − against, one a seed.
        side: where the mean difference must lie: `above` the margin, or `below` minus it.
        margin: how far at least; negative for what may be lost.
    """

    says: str
    differences: tuple[float, ...]
    side: Literal["above", "below"]
    margin: float = 0.0

    @property
    def edge(self) -> float:
        """The value that the whole interval must lie beyond."""
        return self.margin if self.side == "above" else -self.margin


@dataclass(frozen=True)
class Answer:
    """What the seeds say to a question.

    Args:
        question: what was asked.
        summary: numbers; None with fewer than two seeds.
        p_adjusted: `p_t` after Holm over all questions of the claim.
        outcome: held, failed, undecided or no verdict.
        reason: why, in a sentence.
    """

    question: Question
    summary: Summary | None
    p_adjusted: float
    outcome: Outcome
    reason: str


def judge(questions: Sequence[Question], *, confidence: Share = 0.95) -> list[Answer]:
    """Answer all questions of one claim.

    A question *held* where the whole interval lies beyond its edge. All must hold for the claim
    to hold, so that a wrong claim must be lucky in each of them, and no correction is due
    (Berger 1982). One that *failed* is enough for the claim to fail, so this is said at Holm's
    adjusted level. Where all seeds agree to the last digit, the sign-flip test decides.

    Args:
        questions: conditions of one claim.
        confidence: of the intervals.

    Returns:
        One answer each, in order.

    Raises:
        BadInput: differences that are not finite, or more than 44 of them.

    References:
        Berger 1982, *Multiparameter hypothesis testing and acceptance sampling*; Holm 1979.
    """
    checked(judge, locals())
    found = [
        summary(q.differences, margin=q.edge, confidence=confidence)
        if len(q.differences) > 1
        else None
        for q in questions
    ]
    adjusted = holm([one.p_t if one else 1.0 for one in found])
    level = 1 - confidence
    return [
        _answer(question, one, p, level)
        for question, one, p in zip(questions, found, adjusted, strict=True)
    ]


def _answer(question: Question, found: Summary | None, p: float, level: float) -> Answer:
    if found is None or found.seeds < LEAST_SEEDS:
        count = len(question.differences)
        reason = f"{count} seeds are too few: a verdict needs {LEAST_SEEDS} or more."
        return Answer(question, found, p, "no verdict", reason)
    beyond = (found.mean > question.edge) == (question.side == "above")
    if beyond and found.p_t < level:
        return Answer(question, found, p, "held", "The whole interval lies beyond the margin.")
    if not beyond and found.mean != question.edge and p < level:
        reason = "The whole interval lies on the other side of the margin."
        return Answer(question, found, p, "failed", reason)
    if found.deviation == 0:
        reason = "All seeds agree, and the sign-flip test of so few cannot decide."
        return Answer(question, found, p, "undecided", reason)
    reason = (
        f"The margin lies within what seeds differ by; {found.seeds_for_half} seeds would find "
        f"{found.smallest_effect / 2:.2g}, half of what {found.seeds} do."
    )
    return Answer(question, found, p, "undecided", reason)


def overall(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of a claim from those of its questions.

    Args:
        outcomes: one a question.

    Returns:
        `no verdict` where one has none; `failed` where one failed; `held` where all held;
        otherwise `undecided`.

    Example:
        >>> overall(["held", "undecided"]), overall(["held", "failed"]), overall(["held"])
        ('undecided', 'failed', 'held')
    """
    if not outcomes or "no verdict" in outcomes:
        return "no verdict"
    if "failed" in outcomes:
        return "failed"
    return "held" if set(outcomes) == {"held"} else "undecided"
