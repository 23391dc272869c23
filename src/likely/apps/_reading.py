"""What a model gives to every piece of a text: bits, entropy, rank, and what it expected instead.

A piece is the smallest stretch of whole tokens that is whole characters too: one token where it
spells several characters, several tokens where they spell one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from likely.audit.likelihood import Likelihood, from_tokens
from likely.core.stats import Statistic
from likely.core.vocabulary import Vocabulary
from likely.data.packing import evaluation_batches
from likely.data.tokens import Tokens
from likely.models.reader import Reader

TOP = 5
_LOGITS = 2**24
_LENGTH = 256


class Piece(NamedTuple):
    """One piece of a text.

    Args:
        text: its characters; empty for the end of a document and other special tokens.
        bits: −log₂ p, summed over its tokens.
        entropy: bits the model expected to need, summed over its tokens.
        rank: likelier tokens there were; of several tokens, the one with the most.
        instead: the likeliest tokens in place of its first one, as they are shown, with their
            probabilities.
        parts: its tokens as they are shown, with their bits, where there are several.
    """

    text: str
    bits: float
    entropy: float
    rank: int
    instead: Sequence[Sequence[Any]]
    parts: Sequence[Sequence[Any]] = ()


@dataclass(frozen=True, eq=False)
class Reading:
    """A text as one model sees it.

    Args:
        documents: the pieces of each document.
        likelihood: nats, tokens, bytes of each document, as `likely evaluate` has them.
    """

    documents: tuple[tuple[Piece, ...], ...]
    likelihood: Likelihood

    @property
    def pieces(self) -> list[Piece]:
        """Those of all documents, in order."""
        return [piece for document in self.documents for piece in document]


class Columns(NamedTuple):
    """Measurements of tokens in order; bits for nats."""

    bits: NDArray[np.float64]
    entropy: NDArray[np.float64]
    rank: NDArray[np.int64]
    top: NDArray[np.int64]
    chance: NDArray[np.float64]


def read_text(reader: Reader, tokens: Tokens) -> Reading:
    """What a model gives to each piece of a text, every token scored once.

    Args:
        reader: any model.
        tokens: the text, over the model's vocabulary.

    Returns:
        Pieces and sums; the sums are those of `likely evaluate` on the same tokens.
    """
    found = measure_tokens(reader, tokens)
    spans = [slice(*pair) for pair in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)]
    documents = tuple(
        tuple(pieces(tokens.ids[at], Columns(*(c[at] for c in found)), reader.vocabulary))
        for at in spans
    )
    return Reading(
        documents, from_tokens(tokens, found.bits * -math.log(2), np.asarray(found.rank == 0))
    )


def measure_tokens(
    reader: Reader, tokens: Tokens, *, first: int = 0, last: int | None = None
) -> Columns:
    """Bits, entropy, rank and the likeliest tokens at each place, in the windows of an evaluation.

    Args:
        reader: any model.
        tokens: the text.
        first: place of the first token wanted.
        last: place after the last one; None for the end.

    Returns:
        One row a token wanted.
    """
    length, last = window(reader), len(tokens.ids) if last is None else last
    rows = max(1, min(32, _LOGITS // (length * reader.vocabulary.size)))
    if last - first < len(tokens.ids):
        rows = 1  # Only the windows that hold a part of what is wanted are read.
    if isinstance(reader, torch.nn.Module):
        reader.eval()
    found, end = [], 0
    for batch in evaluation_batches(tokens, length=length, rows=rows):
        places = batch.weight.nonzero()[:, 0]
        begin, end = end, end + len(places)
        if end > first and begin < last:
            keep = places[max(first - begin, 0) : last - begin]
            found.append(_measure(reader, batch, keep))
    return Columns(*(np.concatenate(column) for column in zip(*found, strict=True)))


def window(reader: Reader) -> int:
    """How many tokens a model reads at once when it is evaluated.

    Args:
        reader: any model.

    Returns:
        A transformer's own context, 256 for the others.
    """
    own = getattr(reader, "window", None)
    if isinstance(own, int):
        return own
    context: int = getattr(reader, "context", _LENGTH)
    return context if reader.kind == "transformer" else _LENGTH


def _measure(reader: Reader, batch: Any, keep: torch.Tensor) -> Columns:
    device = next(reader.parameters()).device if isinstance(reader, torch.nn.Module) else "cpu"
    want = {name: Statistic(name) for name in ("log_prob", "entropy", "rank", "lse")}
    want["top"] = Statistic("top", settings={"k": min(TOP, reader.vocabulary.size)})
    with torch.no_grad():
        stats = reader.read(batch.to(device), want)
    top, logits = stats["top"]
    chance = (logits - stats["lse"][:, None]).exp()
    bits = stats["log_prob"].double() / -math.log(2), stats["entropy"].double() / math.log(2)
    columns = (*bits, stats["rank"], top, chance.double())
    return Columns(*(column.cpu()[keep].numpy() for column in columns))


def pieces(
    ids: NDArray[np.int32] | Sequence[int], found: Columns, vocabulary: Vocabulary
) -> list[Piece]:
    """Tokens joined until they are whole characters.

    Args:
        ids: the tokens of one document.
        found: what was measured for each.
        vocabulary: what they spell.

    Returns:
        Pieces that spell what the tokens spell, in order.
    """
    spelled = [vocabulary.bytes_of[int(i)] for i in ids]
    ends = [not _goes_on(data) for data in spelled[1:]] + [True]
    begin, made = 0, []
    for place, whole in enumerate(ends):
        if whole:
            made.append(_piece(slice(begin, place + 1), ids, spelled, found, vocabulary))
            begin = place + 1
    return made


def _goes_on(data: bytes) -> bool:
    """Whether a token starts inside a character."""
    return bool(data) and 0x80 <= data[0] < 0xC0


def _piece(
    at: slice,
    ids: NDArray[np.int32] | Sequence[int],
    spelled: Sequence[bytes],
    found: Columns,
    vocabulary: Vocabulary,
) -> Piece:
    words = [shown(int(i), vocabulary) for i in ids[at]]
    bits = found.bits[at]
    row = zip(found.top[at.start].tolist(), found.chance[at.start].tolist(), strict=True)
    instead = [
        [shown(word, vocabulary), round(chance, 4)]
        for word, chance in row
        if chance > 0 and word < vocabulary.size
    ]
    return Piece(
        b"".join(spelled[at]).decode("utf-8", errors="replace"),
        round(float(bits.sum()), 4),
        round(float(found.entropy[at].sum()), 4),
        int(found.rank[at].max()),
        instead,
        [[word, round(float(b), 4)] for word, b in zip(words, bits, strict=True)]
        if len(words) > 1
        else (),
    )


def shown(token: int, vocabulary: Vocabulary) -> str:
    """A token as it can be read in a line: white space by signs, parts of characters by numbers.

    Args:
        token: its id.
        vocabulary: what it spells.

    Returns:
        A short text, never empty.

    Example:
        >>> [shown(i, Vocabulary.of_bytes()) for i in (97, 32, 10, 195, 256)]
        ['a', '␣', '⏎', '0xc3', '⟨end⟩']
    """
    data = vocabulary.bytes_of[token]
    if not data:
        return "⟨end⟩" if token == vocabulary.eos else f"⟨{token}⟩"
    try:
        return visible(data.decode())
    except UnicodeDecodeError:
        return f"0x{data.hex()}"


def visible(text: str) -> str:
    """Text with signs for white space and numbers for what cannot be seen.

    Args:
        text: any text.

    Returns:
        Printable characters.

    Example:
        >>> visible("a b\\n"), visible("\\u200b")
        ('a␣b⏎', '⟨U+200B⟩')
    """
    signs = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}
    return "".join(signs.get(c) or (c if c.isprintable() else f"⟨U+{ord(c):04X}⟩") for c in text)
