"""Bytes: every byte of UTF-8 is an id."""

from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.tokenizers._counted import counted


def bytes(corpus: Corpus) -> Vocabulary:
    """The 256 bytes, and one id that opens and closes a document.

    Lossless. Nothing is learned: the corpus is only counted.

    Args:
        corpus: the training text.

    Returns:
        A vocabulary of 257 ids.

    Example:
        >>> from likely.data.corpus import Document
        >>> made = bytes(Corpus("c", (Document("a", "hi"),)))
        >>> made.size, made.encode("hi").tolist()
        (257, [104, 105])
    """
    return counted(Vocabulary.of_bytes(), corpus)
