"""A shorter corpus that stands for a long one."""

from dataclasses import replace

from likely.data.corpus import Corpus, Document


def shortened(corpus: Corpus, most: int) -> Corpus:
    """Documents, evenly spaced, of about `most` bytes together; the last one may lose its end.

    Args:
        corpus: what to take from.
        most: bytes.

    Returns:
        The corpus itself where it is short enough, else one with some of its documents.

    Example:
        >>> corpus = Corpus("c", tuple(Document(str(n), "x" * 10) for n in range(10)))
        >>> [(d.id, d.bytes) for d in shortened(corpus, 25)]
        [('0', 10), ('3', 10), ('6', 5)]
    """
    if corpus.bytes <= most:
        return corpus
    count = -(-len(corpus) * most // corpus.bytes)
    chosen: list[Document] = []
    left = most
    for n in range(count):
        document = corpus.documents[n * len(corpus) // count]
        if document.bytes > left:
            text = document.data[:left].decode("utf-8", "ignore")
            chosen += [replace(document, text=text)] if text.strip() else []
            break
        chosen.append(document)
        left -= document.bytes
    return Corpus(corpus.name, tuple(chosen or corpus.documents[:1]))
