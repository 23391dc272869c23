"""A shorter corpus that stands for a long one."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from likely.core.errors import BadInput
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


def stretches(corpus: Corpus, size: int) -> Iterator[Document]:
    r"""Documents cut into stretches of whole lines.

    Args:
        corpus: what to cut.
        size: bytes a stretch at least; the last one of a document may have fewer.

    Yields:
        The stretches in order; their ids say where in the document they begin.

    Example:
        >>> corpus = Corpus("c", (Document("a", "one\ntwo\nthree\n"),))
        >>> [(d.id, d.text) for d in stretches(corpus, 6)]
        [('a@0', 'one\ntwo\n'), ('a@8', 'three\n')]
    """
    for document in corpus:
        lines, begin, have = [], 0, 0
        for line in document.text.splitlines(keepends=True):
            lines.append(line)
            have += len(line.encode())
            if have >= size:
                yield Document(f"{document.id}@{begin}", "".join(lines), document.domain)
                lines, begin, have = [], begin + have, 0
        if lines:
            yield Document(f"{document.id}@{begin}", "".join(lines), document.domain)


def drawn(corpus: Corpus, count: int, size: int, rng: np.random.Generator) -> Corpus:
    r"""Different stretches of documents, drawn at random.

    Args:
        corpus: where from.
        count: how many.
        size: bytes each at least; shorter ones are not drawn.
        rng: source of randomness.

    Returns:
        The stretches in the order drawn.

    Raises:
        BadInput: the corpus has fewer.

    Example:
        >>> corpus = Corpus("c", (Document("a", "one\ntwo\nthree\n"),))
        >>> [d.text for d in drawn(corpus, 2, 4, np.random.default_rng(1))]
        ['one\n', 'two\n']
    """
    whole = [one for one in stretches(corpus, size) if one.bytes >= size]
    if len(whole) < count:
        raise BadInput(
            f"The corpus {corpus.name!r} has {len(whole)} stretches of {size} bytes, and {count} "
            "should be drawn: ask for fewer or shorter ones."
        )
    places = rng.permutation(len(whole))[:count]
    return Corpus(f"{corpus.name}/drawn", tuple(whole[place] for place in places))
