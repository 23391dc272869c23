"""Rep-n: the share of a text's n-grams that stood in it before."""

from typing import Annotated

import numpy as np
from annotated_types import Ge
from jaxtyping import Float
from numpy.typing import NDArray

from likely.audit.metrics._given import Pieces, ngrams, pieces, together
from likely.core.settings import checked

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"order_indifferent"})


def rep_n(texts: Pieces, *, n: Annotated[int, Ge(1)] = 4) -> Float[NDArray[np.float64], "M"]:
    r"""Share of repeated n-grams of each text; the paper's seq-rep-n.

    $$ 1 - \frac{|\mathrm{unique}\ n\text{-grams of } t_m|}{|n\text{-grams of } t_m|} $$

    It grows with the length of a text: compare texts that were cut to the same length. Human text
    repeats itself too, so the aim is the value of references, not 0.

    Args:
        texts: what was written: texts, whose words stand between blanks, or token ids.
        n: words of an n-gram.

    Returns:
        0 … 1, one number a text; 0 where it has fewer than n words.

    Raises:
        BadSetting: `n` below 1.
        BadInput: there are no texts.

    Example:
        >>> rep_n(["the cat sat and the cat sat", "no word comes twice"], n=2)
        array([0.33333333, 0.        ])

    References:
        Welleck et al., Neural Text Generation With Unlikelihood Training, 2020, section 6
        (seq-rep-n). arXiv:1908.04319.
    """
    checked(rep_n, locals())
    together("rep_n", texts=texts)
    found = (ngrams(pieces(text), n) for text in texts)
    return np.array([1 - len(one) / one.total() if one else 0.0 for one in found], np.float64)
