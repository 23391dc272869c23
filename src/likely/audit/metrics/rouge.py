"""ROUGE: words or runs of words that a summary shares with its reference."""

import logging
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from likely.audit.metrics._given import References, Texts, needs, references_of
from likely.core.settings import checked

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"order_indifferent", "perfect"})


def rouge(
    texts: Texts,
    references: References,
    *,
    kind: Literal["rouge1", "rouge2", "rougeL"] = "rougeL",
    stem: bool = False,
) -> Float[NDArray[np.float64], "M"]:
    r"""F-measure of shared words, pairs of words or the longest common subsequence.

    $$ F_m = \max_{r \in R_m} \frac{2 P R}{P + R} $$

    For `rougeL`, P and R are the length of the longest common subsequence of words over that of the
    text and of the reference. By the library rouge-score, whose words are runs of the letters a–z
    and digits in small letters: **text in another script has no words and gets 0.**

    Args:
        texts: what was written.
        references: what is wanted; one for each text, or several, of which the best counts.
        kind: `rouge1` for words, `rouge2` for pairs, `rougeL` for the longest subsequence.
        stem: whether endings are cut off first (Porter's stemmer, English).

    Returns:
        0 … 1, one number a text.

    Raises:
        BadSetting: a `kind` that is none.
        BadInput: there are no texts, or a text without reference.
        ShapeError: another number of references than of texts.
        Unsupported: rouge-score is not installed.

    Example:
        >>> rouge(["police killed the gunman"], ["police kill the gunman"])
        array([0.75])

    References:
        Lin, ROUGE: A Package for Automatic Evaluation of Summaries, 2004.
    """
    checked(rouge, locals())
    wanted = references_of("rouge", texts, references)
    scorer = _scorer(kind, stem)
    pairs = zip(texts, wanted, strict=True)
    found = [scorer.score_multi(one, text)[kind].fmeasure for text, one in pairs]
    return np.array(found, np.float64)


def _scorer(kind: str, stem: bool) -> Any:
    before = list(logging.root.handlers)
    try:
        from rouge_score import rouge_scorer
    except ImportError as problem:
        raise needs("rouge-score", "rouge") from problem
    scorer = rouge_scorer.RougeScorer([kind], use_stemmer=stem)
    # It brings absl, which sets up logging for the whole program as soon as it has a word to say.
    for handler in [one for one in logging.root.handlers if one not in before]:
        logging.root.removeHandler(handler)
    return scorer
