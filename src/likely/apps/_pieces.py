"""A small text that is like a large one."""

from likely.data.corpus import Corpus
from likely.data.sample import stretches

PIECE = 4096


def pieces(corpus: Corpus, size: int, *, piece: int = PIECE) -> Corpus:
    r"""Pieces of documents, evenly spread over all bytes of a corpus.

    Every domain keeps its share, which whole documents of so small a text would not give it.

    Args:
        corpus: where from.
        size: bytes wanted, about.
        piece: bytes each, about: whole lines.

    Returns:
        The pieces in the order of the corpus; the corpus itself where it is no larger than `size`.

    Example:
        >>> from likely.data.corpus import Document
        >>> text = "".join(f"line {i}\n" for i in range(9000))
        >>> found = pieces(Corpus("c", (Document("a", text),)), 10_000)
        >>> [document.id for document in found], found.bytes // 1000
        (['a@20510', 'a@65610'], 8)
    """
    if corpus.bytes <= size:
        return corpus
    every = list(stretches(corpus, piece))
    count = max(1, round(len(every) * size / corpus.bytes))
    chosen = [every[int((i + 0.5) * len(every) / count)] for i in range(count)]
    return Corpus(f"{corpus.name}/pieces", tuple(chosen))
