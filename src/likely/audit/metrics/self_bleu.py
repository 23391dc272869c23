"""Self-BLEU: how much each text is like the others of its set."""

from typing import Annotated

import numpy as np
from annotated_types import Ge
from jaxtyping import Float
from numpy.typing import NDArray

from likely.audit.metrics._given import Texts, together
from likely.audit.metrics._sacrebleu import Tokenize, library
from likely.core.errors import BadInput
from likely.core.settings import checked

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"order_indifferent"})


def self_bleu(
    texts: Texts, *, order: Annotated[int, Ge(1)] = 4, tokenize: Tokenize = "13a"
) -> Float[NDArray[np.float64], "M"]:
    r"""BLEU of each text with all others as its references; the mean is the self-BLEU.

    $$ b_m = \mathrm{BLEU}(t_m, \{t_1, \dots, t_M\} \setminus t_m) $$

    1 for texts that are all the same, lower for sets of greater variety; it grows with the number
    of texts, so compare sets of one size. It says nothing of quality: noise has a low self-BLEU.
    n-grams longer than the text are left out (sacrebleu's effective order), and lengths that
    share nothing are smoothed as sacrebleu does. Time grows with the square of the number of texts.

    Args:
        texts: what was written, at least two.
        order: words of the longest n-gram.
        tokenize: how sacrebleu cuts words, as in `bleu`.

    Returns:
        0 … 1, one number a text.

    Raises:
        BadSetting: settings that are none of these.
        BadInput: there are fewer than two texts.
        Unsupported: sacrebleu is not installed.

    Example:
        >>> self_bleu(["a cat sat down", "a cat sat down", "no dog ever did that"]).round(2)
        array([1., 1., 0.])

    References:
        Zhu et al., Texygen: A Benchmarking Platform for Text Generation Models, 2018, section 3.
        arXiv:1802.01886.
    """
    checked(self_bleu, locals())
    if together("self_bleu", texts=texts) < 2:
        raise BadInput("self_bleu: one text has no others to be compared with; give two or more.")
    scorer = library("self_bleu").BLEU(
        max_ngram_order=order, tokenize=tokenize, effective_order=True, force=True
    )
    every = list(texts)
    found = [
        scorer.sentence_score(text, every[:at] + every[at + 1 :]).score
        for at, text in enumerate(every)
    ]
    return np.minimum(np.array(found, np.float64) / 100, 1.0)
