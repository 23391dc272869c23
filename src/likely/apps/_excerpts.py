"""Passages of held-out text and how much each character surprises each model."""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import torch

from likely.core.batch import Batch
from likely.core.stats import Statistic
from likely.data.corpus import Corpus, Document
from likely.models.reader import Reader

_TOP = 5
_WANT = {
    "log_prob": Statistic("log_prob"),
    "lse": Statistic("lse"),
    "top": Statistic("top", settings={"k": _TOP}),
}


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


def surprisal(
    readers: Mapping[str, Reader], document: Document, begin: int, end: int, *, context: int = 128
) -> dict[str, Any]:
    """Bits of every character of a passage, for each model.

    Args:
        readers: byte-level models by name.
        document: where the passage stands.
        begin: its first character.
        end: the character after its last.
        context: bytes that every model may look back over, at least, where there are as many.

    Returns:
        `id`, `domain`, and `models`: name → `bits_per_byte` and `characters`.
    """
    text = document.text[begin:end]
    first = len(document.text[:begin].encode())
    count = len(text.encode())
    models = {}
    for name, reader in readers.items():
        bits, instead = _bytes(reader, document.data, first, first + count, context)
        models[name] = {
            "bits_per_byte": sum(bits) / max(count, 1),
            "characters": _characters(text, bits, instead),
        }
    return {"id": document.id, "domain": document.domain, "models": models}


def _bytes(
    reader: Reader, data: bytes, first: int, last: int, context: int
) -> tuple[list[float], list[list[tuple[str, float]]]]:
    """Bits and likeliest tokens of each byte."""
    ids = torch.tensor([reader.vocabulary.bos, *data])
    bits: list[float] = []
    instead: list[list[tuple[str, float]]] = []
    if isinstance(reader, torch.nn.Module):
        reader.eval()
    for begin in range(first, last, context):
        end, start = min(begin + context, last), max(0, begin - context)
        batch = Batch.of(ids[None, start:end], ids[None, start + 1 : end + 1])
        with torch.no_grad():
            stats = reader.read(batch, _WANT)
        fresh = slice(begin - start, None)
        bits += (stats["log_prob"][fresh] / -math.log(2)).tolist()
        tokens, logits = (part[fresh] for part in stats["top"])
        chances = (logits - stats["lse"][fresh, None]).exp()
        for row, chance in zip(tokens.tolist(), chances.tolist(), strict=True):
            instead.append([(_token(t, reader), p) for t, p in zip(row, chance, strict=True)])
    return bits, instead


def _token(token: int, reader: Reader) -> str:
    """A token as text; a byte that is no character by itself by its number."""
    spelled = reader.vocabulary.bytes_of[token]
    return spelled.decode() if spelled.isascii() else f"0x{spelled.hex()}"


def _characters(
    text: str, bits: list[float], instead: list[list[tuple[str, float]]]
) -> list[list[Any]]:
    """Bits summed over the bytes of each character; alternatives are those of its first byte."""
    rows: list[list[Any]] = []
    place = 0
    for character in text:
        size = len(character.encode())
        likeliest = [[t, round(p, 4)] for t, p in instead[place]]
        rows.append([character, round(sum(bits[place : place + size]), 4), likeliest])
        place += size
    return rows
