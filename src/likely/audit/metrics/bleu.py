"""BLEU: n-grams that a text shares with its references, of a whole corpus."""

from typing import Annotated, Any, Literal

from annotated_types import Ge

from likely.audit.metrics._given import References, Texts
from likely.audit.metrics._sacrebleu import Tokenize, corpus_score, library
from likely.core.settings import checked

BOUNDS = (0.0, 100.0)
LAWS = frozenset({"order_indifferent", "perfect"})
Smooth = Literal["exp", "floor", "add-k", "none"]
Order = Annotated[int, Ge(1)]


def bleu(
    texts: Texts,
    references: References,
    *,
    order: Order = 4,
    tokenize: Tokenize = "13a",
    lowercase: bool = False,
    smooth: Smooth = "exp",
) -> float:
    r"""BLEU of all texts together, in percent, by sacrebleu.

    $$ 100 \cdot \min\big(1, e^{1 - r/c}\big) \prod_{n=1}^{4} p_n^{1/4} $$

    pₙ is the share of n-grams of all texts that stand in a reference, c the length of all texts and
    r that of the references nearest in length. It is no mean over texts. Two values can be compared
    if their `signature` is the same; print it beside the number.

    Args:
        texts: what was written.
        references: what is wanted; one for each text, or several.
        order: words of the longest n-gram.
        tokenize: how sacrebleu cuts words: `13a` for languages with blanks, `zh` for Chinese,
            `char` for characters.
        lowercase: whether capitals do not count.
        smooth: what is done where no n-gram of a length is shared.

    Returns:
        0 … 100, one number for all texts.

    Raises:
        BadSetting: settings that are none of these.
        BadInput: there are no texts, or a text without reference.
        ShapeError: another number of references than of texts.
        Unsupported: sacrebleu is not installed.

    Example:
        >>> round(bleu(["the cat sat on the mat"], ["the cat lay on the mat"]), 2)
        37.99

    References:
        Papineni et al., BLEU: a Method for Automatic Evaluation of Machine Translation, 2002.
        Post, A Call for Clarity in Reporting BLEU Scores, 2018. arXiv:1804.08771.
    """
    checked(bleu, locals())
    scorer = _scorer(order, tokenize, lowercase, smooth)
    return corpus_score("bleu", scorer, texts, references)


def signature(
    texts: Texts,
    references: References,
    *,
    order: Order = 4,
    tokenize: Tokenize = "13a",
    lowercase: bool = False,
    smooth: Smooth = "exp",
) -> str:
    """What sacrebleu calls a BLEU with these settings; it depends on how many references there are.

    Args:
        texts: what was written.
        references: what is wanted.
        order: words of the longest n-gram; sacrebleu leaves it out, so say it if it is not 4.
        tokenize: how words are cut.
        lowercase: whether capitals do not count.
        smooth: what is done where no n-gram of a length is shared.

    Returns:
        The signature, to be printed beside the score.

    Example:
        >>> signature(["a cat"], ["the cat"])
        'nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:...'
    """
    checked(signature, locals())
    scorer = _scorer(order, tokenize, lowercase, smooth)
    corpus_score("bleu", scorer, texts, references)
    return str(scorer.get_signature())


def _scorer(order: int, tokenize: str, lowercase: bool, smooth: str) -> Any:
    return library("bleu").BLEU(
        max_ngram_order=order,
        tokenize=tokenize,
        lowercase=lowercase,
        smooth_method=smooth,
        force=True,  # no advice on standard error
    )
