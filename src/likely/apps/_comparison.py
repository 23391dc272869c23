"""Two models on one text: what each stretch of it costs either, and how sure the difference is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from likely.apps._reading import Piece, Reading
from likely.audit.likelihood import Likelihood, difference

BLOCKS = 30
_LEAST_BYTES = 20


class Stretch(NamedTuple):
    """The smallest stretch of text at whose end both models end a token.

    Args:
        text: its characters.
        first: bits the first model needed.
        second: bits the second one needed.
    """

    text: str
    first: float
    second: float


class Apart(NamedTuple):
    """How far two models are apart on a text.

    Args:
        bits_per_byte: of the first minus of the second.
        low: lower end of the 95 % interval; None for a text too short for one.
        high: upper end.
        blocks: stretches of about equal size that were drawn again.
    """

    bits_per_byte: float
    low: float | None
    high: float | None
    blocks: int


def stretches(first: Reading, second: Reading) -> list[list[Stretch]] | None:
    """Cut a text where both models end a token, and add up what each needed in between.

    Nothing is spread or guessed: with equal tokenizers stretches are tokens, with a tokenizer of
    bytes they are the tokens of the other.

    Args:
        first: the text as one model sees it.
        second: the same text as another one does.

    Returns:
        The stretches of each document; None where the tokenizers spell different texts.
    """
    found = []
    for one, other in zip(first.documents, second.documents, strict=True):
        if "".join(p.text for p in one) != "".join(p.text for p in other):
            return None
        found.append(_of_document(one, other))
    return found


def _of_document(one: Sequence[Piece], other: Sequence[Piece]) -> list[Stretch]:
    made: list[Stretch] = []
    ends = _ends(one) & _ends(other)
    sums = [_between(pieces, ends) for pieces in (one, other)]
    text = "".join(piece.text for piece in one)
    begin = 0
    for end in sorted(ends):
        made.append(Stretch(text[begin:end], sums[0][0][end], sums[1][0][end]))
        begin = end
    if any(tail is not None for _, tail in sums):
        made.append(Stretch("", *(tail or 0.0 for _, tail in sums)))
    return made


def _ends(pieces: Sequence[Piece]) -> set[int]:
    """Places, in characters, where pieces with text end."""
    sizes = np.cumsum([len(piece.text) for piece in pieces])
    return {int(at) for at, piece in zip(sizes, pieces, strict=True) if piece.text}


def _between(pieces: Sequence[Piece], ends: set[int]) -> tuple[dict[int, float], float | None]:
    """Bits up to each end since the one before, and bits of what follows the text, if anything."""
    sums: dict[int, float] = {}
    waiting, place, last = 0.0, 0, max(ends, default=0)
    tail: float | None = None
    for piece in pieces:
        if place == last and not piece.text:
            tail = (tail or 0.0) + piece.bits
            continue
        place += len(piece.text)
        waiting += piece.bits
        if place in ends and piece.text:
            sums[place], waiting = waiting, 0.0
    return sums, tail


def apart(first: Reading, second: Reading, cut: Sequence[Sequence[Stretch]]) -> Apart:
    """The difference in bits per byte, and its bootstrap interval over blocks of the text.

    Args:
        first: the text as one model sees it.
        second: as another one does.
        cut: the stretches of both, by document.

    Returns:
        First minus second. The interval says how much other text of this kind, drawn in blocks,
        would differ; it needs at least `_LEAST_BYTES` bytes a block.
    """
    every = [stretch for document in cut for stretch in document]
    sizes = np.array([len(stretch.text.encode()) for stretch in every], np.float64)
    whole = sizes.sum()
    blocks = min(BLOCKS, int(whole // _LEAST_BYTES), len(every))
    plain = first.likelihood.bits_per_byte - second.likelihood.bits_per_byte
    if blocks < 5:
        return Apart(plain, None, None, blocks)
    number = np.minimum((np.cumsum(sizes) - sizes / 2) * blocks / whole, blocks - 1).astype(int)

    def likelihood(bits: Sequence[float]) -> Likelihood:
        nats = np.bincount(number, np.array(bits) * np.log(2), blocks).astype(np.float64)
        size = np.bincount(number, sizes, blocks).astype(np.float64)
        return Likelihood(nats, size, size, size, ("text",) * blocks)

    found = difference(
        likelihood([stretch.second for stretch in every]),
        likelihood([stretch.first for stretch in every]),
    )
    return Apart(plain, found[1], found[2], blocks)
