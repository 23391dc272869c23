"""Type-token ratio: the share of a text's words that are different ones."""

from typing import Annotated

import numpy as np
from annotated_types import Ge
from jaxtyping import Float
from numpy.typing import NDArray

from likely.audit.metrics._given import Pieces, pieces, together
from likely.core.settings import checked

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"order_indifferent"})


def type_token_ratio(
    texts: Pieces, *, first: Annotated[int, Ge(1)] | None = None
) -> Float[NDArray[np.float64], "M"]:
    r"""Different words over all words of each text.

    $$ |\{w_1, \dots, w_L\}| / L $$

    It falls with length, since words come back: cut texts to the same number of words by `first`.
    Capitals and punctuation make words different.

    Args:
        texts: what was written: texts, whose words stand between blanks, or token ids.
        first: words of each text that are looked at; None for all.

    Returns:
        0 … 1, one number a text; 0 where it has no words.

    Raises:
        BadSetting: `first` below 1.
        BadInput: there are no texts.

    Example:
        >>> type_token_ratio(["a rose is a rose is a rose", [7, 7, 7, 7]])
        array([0.375, 0.25 ])

    References:
        Johnson, Studies in Language Behavior: A Program of Research, 1944.
        Carlsson et al., The Hyperfitting Phenomenon, 2024 (of generated tokens).
        arXiv:2412.04318.
    """
    checked(type_token_ratio, locals())
    together("type_token_ratio", texts=texts)
    parts = [pieces(text)[:first] for text in texts]
    return np.array([len(set(one)) / len(one) if one else 0.0 for one in parts], np.float64)
