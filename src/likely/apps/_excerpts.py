"""Passages of a corpus and how models see them."""

import hashlib
from collections.abc import Mapping
from typing import Any

from likely.apps._measured import measure_tokens
from likely.apps._reading import Piece, pieces
from likely.data.corpus import Corpus, Document
from likely.data.tokens import encode
from likely.models.reader import Reader


def choose(corpus: Corpus, length: int) -> list[tuple[Document, int, int]]:
    """One passage a domain, from the middle of a document, from the start of a line.

    Args:
        corpus: held-out text.
        length: characters.

    Returns:
        Documents with the first and the last place, in characters.
    """
    chosen = []
    for domain in corpus.domains:
        documents = corpus.where(domain).documents
        enough = [d for d in documents if len(d.text) >= 3 * length] or list(documents)
        document = min(enough, key=lambda d: hashlib.sha256(d.id.encode()).digest())
        middle = max(0, (len(document.text) - length) // 2)
        begin = document.text.rfind("\n", 0, middle) + 1
        chosen.append((document, begin, min(begin + length, len(document.text))))
    return chosen


def passage(
    readers: Mapping[str, Reader], document: Document, begin: int, end: int
) -> dict[str, Any]:
    """The pieces of a passage for each model, with what stands before it as context.

    Args:
        readers: models by name.
        document: where the passage stands.
        begin: its first character.
        end: the character after its last.

    Returns:
        `id`, `domain`, and `models`: name → `bits_per_byte` and `pieces`. A model whose tokens
        cross the ends shows them whole.
    """
    models = {}
    for name, reader in readers.items():
        found = _pieces(reader, document, begin, end)
        size = sum(len(piece.text.encode()) for piece in found)
        bits = sum(piece.bits for piece in found)
        models[name] = {"bits_per_byte": bits / max(size, 1), "pieces": list(map(list, found))}
    return {"id": document.id, "domain": document.domain, "models": models}


def _pieces(reader: Reader, document: Document, begin: int, end: int) -> list[Piece]:
    """Tokens that spell a part of what lies between two characters, as pieces."""
    tokens = encode(Corpus(document.id, (document,)), reader.vocabulary)
    spelled = [reader.vocabulary.bytes_of[int(i)] for i in tokens.ids]
    low = len(document.text[:begin].encode())
    high = low + len(document.text[begin:end].encode())
    place, inside = 0, []
    for number, data in enumerate(spelled):
        if place + len(data) > low and place < high:
            inside.append(number)
        place += len(data)
    first, last = (inside[0], inside[-1] + 1) if inside else (0, len(tokens.ids))
    found = measure_tokens(reader, tokens, first=first, last=last)
    return pieces(tokens.ids[first:last], found, reader.vocabulary)
