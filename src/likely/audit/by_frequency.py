"""Tokens sorted into buckets by how often they were read in training."""

from typing import Annotated

import numpy as np
from annotated_types import Ge
from jaxtyping import Int
from numpy.typing import NDArray

from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.data.tokens import Tokens


def frequency_buckets(
    train: Tokens, *, buckets: Annotated[int, Ge(2)] = 4
) -> Int[NDArray[np.int64], "V"]:
    """The bucket of every token of the vocabulary; each holds about as much of the training text.

    Tokens are sorted by their count in the training text, rarest first (equal counts by id), and
    cut where a bucket's share of all that was read is reached. So the first bucket holds very many
    rare tokens, those too that were never read, and the last one a few that are everywhere.

    Args:
        train: the training text.
        buckets: how many.

    Returns:
        0 for the rarest … `buckets` − 1 for the most frequent, one number a token.

    Raises:
        BadSetting: fewer than two buckets.
        BadInput: there is no training text.

    Example:
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.data.corpus import Corpus, Document
        >>> from likely.data.tokens import encode
        >>> text = encode(Corpus("one", (Document("a", "aaaaabbc"),)), Vocabulary.of_bytes())
        >>> found = frequency_buckets(text, buckets=2)
        >>> [int(found[ord(letter)]) for letter in "abcz"]
        [1, 0, 0, 0]
    """
    checked(frequency_buckets, locals())
    if not len(train.ids):
        raise BadInput("frequency_buckets: there is no training text, so nothing has a frequency.")
    counts = np.bincount(train.ids, minlength=train.vocabulary.size)
    order = np.argsort(counts, kind="stable")
    # The middle of a token's own share decides, so that one very frequent token fills one bucket.
    middle = np.cumsum(counts[order]) - counts[order] / 2
    found = np.empty(len(counts), np.int64)
    found[order] = np.minimum(middle / counts.sum() * buckets, buckets - 1).astype(np.int64)
    return found
