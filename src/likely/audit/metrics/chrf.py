"""ChrF: runs of characters that a text shares with its references, of a whole corpus."""

from typing import Annotated, Any

from annotated_types import Ge

from likely.audit.metrics._given import References, Texts
from likely.audit.metrics._sacrebleu import corpus_score, library
from likely.core.settings import checked

BOUNDS = (0.0, 100.0)
LAWS = frozenset({"order_indifferent", "perfect"})
AtLeastOne = Annotated[int, Ge(1)]


def chrf(
    texts: Texts,
    references: References,
    *,
    characters: AtLeastOne = 6,
    words: Annotated[int, Ge(0)] = 0,
    beta: AtLeastOne = 2,
    lowercase: bool = False,
) -> float:
    r"""ChrF of all texts together, in percent, by sacrebleu; with `words=2` it is chrF++.

    $$ 100 \cdot (1 + \beta^2) \frac{P R}{\beta^2 P + R} $$

    P and R are the precision and recall of runs of 1 … 6 characters, averaged over their lengths;
    β = 2 counts recall twice. Blanks do not count. It needs no words, so it fits languages with
    rich endings or without blanks; of free text it says as little as BLEU.

    Args:
        texts: what was written.
        references: what is wanted; one for each text, or several.
        characters: the longest run of characters.
        words: the longest n-gram of words that counts too; 0 for none.
        beta: how much more recall counts than precision.
        lowercase: whether capitals do not count.

    Returns:
        0 … 100, one number for all texts.

    Raises:
        BadSetting: settings that are none of these.
        BadInput: there are no texts, or a text without reference.
        ShapeError: another number of references than of texts.
        Unsupported: sacrebleu is not installed.

    Example:
        >>> round(chrf(["the cat sat on the mat"], ["the cat lay on the mat"]), 2)
        61.09

    References:
        Popović, chrF: character n-gram F-score for automatic MT evaluation, 2015.
        Popović, chrF++: words helping character n-grams, 2017.
    """
    checked(chrf, locals())
    scorer = _scorer(characters, words, beta, lowercase)
    return corpus_score("chrf", scorer, texts, references)


def signature(
    texts: Texts,
    references: References,
    *,
    characters: AtLeastOne = 6,
    words: Annotated[int, Ge(0)] = 0,
    beta: AtLeastOne = 2,
    lowercase: bool = False,
) -> str:
    """What sacrebleu calls a chrF with these settings; it depends on how many references there are.

    Args:
        texts: what was written.
        references: what is wanted.
        characters: the longest run of characters.
        words: the longest n-gram of words that counts too.
        beta: how much more recall counts; sacrebleu leaves it out, so say it if it is not 2.
        lowercase: whether capitals do not count.

    Returns:
        The signature, to be printed beside the score.

    Example:
        >>> signature(["a cat"], ["the cat"], words=2)
        'nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:...'
    """
    checked(signature, locals())
    scorer = _scorer(characters, words, beta, lowercase)
    corpus_score("chrf", scorer, texts, references)
    return str(scorer.get_signature())


def _scorer(characters: int, words: int, beta: int, lowercase: bool) -> Any:
    return library("chrf").CHRF(
        char_order=characters, word_order=words, beta=beta, lowercase=lowercase
    )
