"""Distinct-n: how many different n-grams there are for every word that was written."""

from typing import Annotated

from annotated_types import Ge

from likely.audit.metrics._given import Pieces, ngrams, pieces, together
from likely.core.errors import BadInput
from likely.core.settings import checked

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"order_indifferent"})


def distinct_n(texts: Pieces, *, n: Annotated[int, Ge(1)] = 2) -> float:
    r"""Different n-grams of all texts together over the number of words.

    $$ \frac{|\bigcup_m \mathrm{unique}\ n\text{-grams of } t_m|}{\sum_m |t_m|} $$

    No n-gram crosses the end of a text. It falls with every text that is added: compare sets of
    equally many texts of the same length.

    Args:
        texts: what was written: texts, whose words stand between blanks, or token ids.
        n: words of an n-gram.

    Returns:
        One number for all texts.

    Raises:
        BadSetting: `n` below 1.
        BadInput: there are no texts, or no words in them.

    Example:
        >>> distinct_n(["I do not know", "I do not care"], n=1)
        0.625

    References:
        Li et al., A Diversity-Promoting Objective Function for Neural Conversation Models, 2016,
        section 5.3. arXiv:1510.03055.
        Liu et al., Rethinking and Refining the Distinct Metric, 2022 (why it falls with length).
        arXiv:2202.13587.
    """
    checked(distinct_n, locals())
    together("distinct_n", texts=texts)
    parts = [pieces(text) for text in texts]
    words = sum(map(len, parts))
    if not words:
        raise BadInput("distinct_n: the texts have no words, so there is nothing to count.")
    return len({one for part in parts for one in ngrams(part, n)}) / words
