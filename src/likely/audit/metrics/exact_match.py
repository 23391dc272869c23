"""Exact match: whether a text is one of its references, character by character."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from likely.audit.metrics._given import References, Texts, references_of
from likely.audit.metrics._normal import normal
from likely.core.settings import checked

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"order_indifferent", "perfect"})


def exact_match(
    texts: Texts, references: References, *, normalized: bool = False
) -> Float[NDArray[np.float64], "M"]:
    r"""Whether each text is one of its references; the mean is the share that matched.

    $$ e_m = \max_{r \in R_m} [\nu(t_m) = \nu(r)] $$

    Blanks at both ends do not count. With `normalized`, texts are compared as SQuAD compares
    English answers: without capitals, ASCII punctuation, articles and repeated blanks.

    Args:
        texts: what was written.
        references: what is wanted; one for each text, or several of which any will do.
        normalized: compare in SQuAD's form instead of character by character.

    Returns:
        1 where it matched and 0 elsewhere, one number a text.

    Raises:
        BadInput: there are no texts, or a text without reference.
        ShapeError: another number of references than of texts.

    Example:
        >>> exact_match(["42", "The Nile."], ["42", ["nile", "river nile"]])
        array([1., 0.])
        >>> exact_match(["42", "The Nile."], ["42", ["nile", "river nile"]], normalized=True)
        array([1., 1.])

    References:
        Rajpurkar et al., SQuAD: 100,000+ Questions for Machine Comprehension of Text, 2016,
        section 6.1. arXiv:1606.05250.
    """
    checked(exact_match, locals())
    wanted = references_of("exact_match", texts, references)
    form = normal if normalized else str.strip
    pairs = zip(texts, wanted, strict=True)
    return np.array([form(text) in set(map(form, one)) for text, one in pairs], np.float64)
