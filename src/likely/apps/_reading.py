"""What a model gives to every piece of a text: bits, entropy, rank, and what it expected instead.

A piece is the smallest stretch of whole tokens that is whole characters too: one token where it
spells several characters, several tokens where they spell one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from likely.apps._measured import Columns, measure_tokens
from likely.apps._shown import shown
from likely.audit.likelihood import Likelihood, from_tokens
from likely.core.vocabulary import Vocabulary
from likely.data.tokens import Tokens
from likely.models.reader import Reader


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
        tuple(pieces(tokens.ids[at], found.part(at), reader.vocabulary)) for at in spans
    )
    return Reading(
        documents, from_tokens(tokens, found.bits * -math.log(2), np.asarray(found.rank == 0))
    )


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
