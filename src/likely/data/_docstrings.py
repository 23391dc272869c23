"""Docstrings of the standard library, split: prose that everybody has."""

from functools import lru_cache

from likely.data.embedded import embedded
from likely.data.split import Split, split


@lru_cache(maxsize=1)
def docstrings() -> Split:
    """The domain `docstrings` of the embedded corpus, split by duplicate cluster.

    Reading it takes some seconds, so it is kept.

    Returns:
        The same split each time.
    """
    return split(embedded().where("docstrings"))
