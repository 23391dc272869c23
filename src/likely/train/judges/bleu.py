"""BLEU: n-grams that answers share with reference answers."""

from likely.audit.metrics._sacrebleu import Tokenize
from likely.audit.metrics.bleu import bleu as score
from likely.core.settings import checked
from likely.models.reader import Reader
from likely.train.exam import Exam
from likely.train.judge import Measure
from likely.train.judges._written import to_references

LIBRARY = ("sacrebleu", "metrics")
NEEDS = ("referenced",)
MEASURES = {"bleu": Measure("BLEU of greedy answers", "percent", "higher")}


def bleu(
    reader: Reader, exam: Exam, *, tokenize: Tokenize = "13a", lowercase: bool = False
) -> dict[str, float | list[float]]:
    r"""BLEU of greedy answers to all prompts that have references, by sacrebleu.

    $$ 100 \cdot \min\big(1, e^{1 - r/c}\big) \prod_{n=1}^{4} p_n^{1/4} $$

    Measure: `bleu`, in percent, one number for all answers.

    Args:
        reader: the model.
        exam: needs `referenced`.
        tokenize: how sacrebleu cuts words.
        lowercase: whether capitals do not count.

    Returns:
        The measure, one number.

    Raises:
        BadSetting: settings that are none of these.
        BadInput: the exam has no references.
        Unsupported: sacrebleu is not installed.

    References:
        Papineni et al., BLEU: a Method for Automatic Evaluation of Machine Translation, 2002.
        Post, A Call for Clarity in Reporting BLEU Scores, 2018. arXiv:1804.08771.
    """
    checked(bleu, locals())
    exam.need("bleu", *NEEDS)
    texts, references = to_references(reader, exam)
    return {"bleu": score(texts, references, tokenize=tokenize, lowercase=lowercase)}
