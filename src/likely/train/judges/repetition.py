"""Repetition: how much the model says again, and how varied what it says is."""

from typing import Annotated, Literal

from annotated_types import Ge

from likely.audit.metrics._given import Pieces, pieces
from likely.audit.metrics.distinct_n import distinct_n
from likely.audit.metrics.rep_n import rep_n
from likely.core.settings import checked
from likely.models.reader import Reader
from likely.train.exam import Exam
from likely.train.judge import Measure
from likely.train.judges._written import How, continuations, real

NEEDS = ("continued",)
MEASURES = {
    "rep_*_greedy": Measure("share of n-grams said again, greedy", "share", "lower"),
    "rep_*_sampled": Measure("share of n-grams said again, sampled", "share", "lower"),
    "distinct_*_greedy": Measure("different n-grams a word, greedy", "share", "higher"),
    "distinct_*_sampled": Measure("different n-grams a word, sampled", "share", "higher"),
}
WAYS: tuple[How, ...] = ("greedy", "sampled")


def repetition(
    reader: Reader,
    exam: Exam,
    *,
    n: Annotated[int, Ge(1)] = 4,
    distinct: Annotated[int, Ge(1)] = 2,
    of: Literal["words", "tokens"] = "words",
) -> dict[str, float | list[float]]:
    r"""Repeated and distinct n-grams of greedy and of sampled continuations.

    $$ 1 - \frac{|\mathrm{unique}\ n\text{-grams}|}{|n\text{-grams}|}, \qquad
       \frac{|\bigcup \mathrm{unique}\ m\text{-grams}|}{|\text{words}|} $$

    All models continue the same prompts by the same number of tokens. Measures, shares 0 … 1:
    `rep_4_greedy` and `rep_4_sampled`, one a prompt: n-grams of a continuation that stood in it
    before; `distinct_2_greedy` and `distinct_2_sampled`, one number for all: different m-grams over
    words, 0 where no word was written. The numbers in the names are the settings. Real text repeats
    itself too: `of_real_text` says how much.

    Args:
        reader: the model.
        exam: needs `continued`.
        n: words of a repeated n-gram.
        distinct: words of a distinct one.
        of: `words` between blanks, comparable across tokenizers, or `tokens`.

    Returns:
        The measures by name.

    Raises:
        BadSetting: `n` or `distinct` below 1, or an `of` that is none.
        BadInput: the exam has no prompts.

    References:
        Welleck et al., Neural Text Generation With Unlikelihood Training, 2020, section 6.
        arXiv:1908.04319; Li et al., A Diversity-Promoting Objective Function for Neural
        Conversation Models, 2016. arXiv:1510.03055.
    """
    checked(repetition, locals())
    exam.need("repetition", *NEEDS)
    found: dict[str, float | list[float]] = {}
    for how in WAYS:
        texts = _cut(continuations(reader, exam, how), exam, of)
        found |= _of(texts, n, distinct, how)
    return found


def of_real_text(
    exam: Exam,
    *,
    n: Annotated[int, Ge(1)] = 4,
    distinct: Annotated[int, Ge(1)] = 2,
    of: Literal["words", "tokens"] = "words",
) -> dict[str, float | list[float]]:
    """The same measures of what really followed the prompts.

    Args:
        exam: needs `continued`.
        n: words of a repeated n-gram.
        distinct: words of a distinct one.
        of: `words` between blanks, or `tokens`.

    Returns:
        `rep_4_real`, one a prompt, and `distinct_2_real`; the numbers are the settings.

    Raises:
        BadSetting: `n` or `distinct` below 1, or an `of` that is none.
        BadInput: the exam has no prompts.
    """
    checked(of_real_text, locals())
    exam.need("repetition", *NEEDS)
    return _of(_cut(real(exam), exam, of), n, distinct, "real")


def _cut(texts: list[str], exam: Exam, of: str) -> Pieces:
    if of == "words":
        return texts
    exam.need("repetition", "test")
    assert exam.test is not None
    return [ids.tolist() for ids in exam.test.vocabulary.encode_many(texts)]


def _of(texts: Pieces, n: int, distinct: int, name: str) -> dict[str, float | list[float]]:
    any_words = any(map(pieces, texts))
    return {
        f"rep_{n}_{name}": rep_n(texts, n=n).tolist(),
        f"distinct_{distinct}_{name}": distinct_n(texts, n=distinct) if any_words else 0.0,
    }
