"""A small text that is like a large one."""

from collections.abc import Iterator

from likely.data.corpus import Corpus, Document

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
        >>> text = "".join(f"line {i}\n" for i in range(9000))
        >>> found = pieces(Corpus("c", (Document("a", text),)), 10_000)
        >>> [document.id for document in found], found.bytes // 1000
        (['a@20510', 'a@65610'], 8)
    """
    if corpus.bytes <= size:
        return corpus
    every = list(_cut(corpus, piece))
    count = max(1, round(len(every) * size / corpus.bytes))
    chosen = [every[int((i + 0.5) * len(every) / count)] for i in range(count)]
    return Corpus(f"{corpus.name}/pieces", tuple(chosen))


def _cut(corpus: Corpus, piece: int) -> Iterator[Document]:
    for document in corpus:
        lines, begin, have = [], 0, 0
        for line in document.text.splitlines(keepends=True):
            lines.append(line)
            have += len(line.encode())
            if have >= piece:
                yield Document(f"{document.id}@{begin}", "".join(lines), document.domain)
                lines, begin, have = [], begin + have, 0
        if lines:
            yield Document(f"{document.id}@{begin}", "".join(lines), document.domain)
