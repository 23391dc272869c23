"""ROUGE: words that answers share with reference answers."""

from typing import Literal

from likely.audit.metrics.rouge import rouge as score
from likely.core.settings import checked
from likely.models.reader import Reader
from likely.train.exam import Exam
from likely.train.judge import Measure
from likely.train.judges._written import to_references

LIBRARY = ("rouge_score", "metrics")
NEEDS = ("referenced",)
MEASURES = {"rouge[12L]": Measure("ROUGE of greedy answers", "F-measure", "higher")}


def rouge(
    reader: Reader,
    exam: Exam,
    *,
    kind: Literal["rouge1", "rouge2", "rougeL"] = "rougeL",
    stem: bool = False,
) -> dict[str, float | list[float]]:
    r"""ROUGE of greedy answers to prompts that have references, by rouge-score.

    $$ F_m = \max_{r \in R_m} \frac{2 P R}{P + R} $$

    Measure: named as its `kind`, an F-measure, 0 … 1, one an answer. Words are runs of a–z and
    digits: text in another script gets 0.

    Args:
        reader: the model.
        exam: needs `referenced`.
        kind: `rouge1` for words, `rouge2` for pairs, `rougeL` for the longest subsequence.
        stem: whether endings are cut off first.

    Returns:
        The measure, one an answer.

    Raises:
        BadSetting: a `kind` that is none.
        BadInput: the exam has no references.
        Unsupported: rouge-score is not installed.

    References:
        Lin, ROUGE: A Package for Automatic Evaluation of Summaries, 2004.
    """
    checked(rouge, locals())
    exam.need("rouge", *NEEDS)
    texts, references = to_references(reader, exam)
    return {kind: score(texts, references, kind=kind, stem=stem).tolist()}
