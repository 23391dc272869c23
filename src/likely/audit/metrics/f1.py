"""F1 of words: how many words a text shares with its reference."""

from collections import Counter

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from likely.audit.metrics._given import References, Texts, references_of
from likely.audit.metrics._normal import normal
from likely.core.settings import checked

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"order_indifferent", "perfect"})


def f1(
    texts: Texts, references: References, *, normalized: bool = True
) -> Float[NDArray[np.float64], "M"]:
    r"""Harmonic mean of the precision and recall of words, with the nearest reference.

    $$ F_m = \max_{r \in R_m} \frac{2 P R}{P + R}, \quad P = \frac{|t_m \cap r|}{|t_m|}, \quad
    R = \frac{|t_m \cap r|}{|r|} $$

    Words are counted as often as they occur, and their order does not matter. Where one side has
    no words, the value is 1 if the other one has none either, and 0 otherwise. For classes
    instead of texts see `macro_f1`.

    Args:
        texts: what was written.
        references: what is wanted; one for each text, or several, of which the nearest counts.
        normalized: compare in SQuAD's form, without capitals, ASCII punctuation and articles;
            else words are what stands between blanks.

    Returns:
        0 … 1, one number a text.

    Raises:
        BadInput: there are no texts, or a text without reference.
        ShapeError: another number of references than of texts.

    Example:
        >>> f1(["in the year 1066"], [["1066", "1066 in England"]])
        array([0.66666667])

    References:
        Rajpurkar et al., SQuAD: 100,000+ Questions for Machine Comprehension of Text, 2016,
        section 6.1. arXiv:1606.05250.
    """
    checked(f1, locals())
    wanted = references_of("f1", texts, references)
    form = normal if normalized else str
    pairs = zip(texts, wanted, strict=True)
    return np.array([max(_overlap(form(t), form(r)) for r in one) for t, one in pairs], np.float64)


def _overlap(text: str, reference: str) -> float:
    said, wanted = Counter(text.split()), Counter(reference.split())
    if not said or not wanted:
        return float(said == wanted)
    return 2 * (said & wanted).total() / (said.total() + wanted.total())
