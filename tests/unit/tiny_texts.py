"""Invented prose in place of the docstrings of the standard library, which take seconds to read."""

from likely.data.corpus import Corpus, Document
from likely.data.split import Split

PROSE = "".join(f"Item {i} of {i % 7} is returned as {i * 37 % 101} was.\n" for i in range(400))


def small_docstrings():
    """Three documents of prose in each part."""
    parts = [Corpus(n, tuple(Document(f"{n}{i}", PROSE) for i in range(3))) for n in "tvh"]
    return Split(*parts, clusters={})
