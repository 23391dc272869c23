"""What the page of a text says in words."""

from collections.abc import Sequence
from typing import NamedTuple

from likely.apps._comparison import Apart
from likely.apps._reading import Piece, Reading
from likely.apps.report._seen import Seen

_LONGEST = 24


class Word(NamedTuple):
    """Pieces that make a word, or one that is none.

    Args:
        text: without the white space around it.
        bits: of its pieces together.
        place: of its first piece among those of all documents.
    """

    text: str
    bits: float
    place: int


def words(reading: Reading) -> list[Word]:
    """A text as words: letters, digits and underscores that stand together.

    Args:
        reading: the text as a model sees it.

    Returns:
        Words in order; a word of more than 24 characters counts as several.
    """
    found: list[Word] = []
    place = 0
    for document in reading.documents:
        open_word = False
        for piece in document:
            joins = open_word and _inside(piece.text[:1]) and len(found[-1].text) < _LONGEST
            if joins:
                text, bits, first = found[-1]
                found[-1] = Word(text + piece.text.rstrip(), bits + piece.bits, first)
            else:
                found.append(Word(piece.text.strip(), piece.bits, place))
            open_word = _inside(piece.text[-1:])
            place += 1
    return [word for word in found if word.text]


def _inside(character: str) -> bool:
    return character.isalnum() or character == "_"


def most_surprising_word(reading: Reading) -> Word | None:
    """The word that took the most bits.

    Args:
        reading: the text as a model sees it.

    Returns:
        The word; None for a text of nothing but space.
    """
    return max(words(reading), key=lambda word: word.bits, default=None)


def headline(title: str, seen: Sequence[Seen], apart: Apart | None) -> str:
    """The finding, in one sentence without its full stop.

    Args:
        title: what the text is called.
        seen: one model or two.
        apart: how far two are apart.

    Returns:
        A sentence.
    """
    first = seen[0]
    bits = [one.reading.likelihood.bits_per_byte for one in seen]
    if len(seen) == 1:
        word = most_surprising_word(first.reading)
        surprised = f", and is most surprised by “{word.text}”" if word else ""
        return f"{first.label} needs {bits[0]:.2f} bits for a byte of {title}{surprised}"
    order = sorted(range(2), key=lambda i: bits[i])
    better, worse = (seen[i].label for i in order)
    low, high = (bits[i] for i in order)
    if apart and apart.low is not None and apart.high is not None and apart.low <= 0 <= apart.high:
        return (
            f"{better} and {worse} cannot be told apart on {title}: "
            f"{low:.2f} and {high:.2f} bits per byte"
        )
    return f"{better} reads {title} better than {worse}: {low:.2f} against {high:.2f} bits per byte"


def sentences(title: str, seen: Sequence[Seen], apart: Apart | None) -> list[str]:
    """What else a reader should know at once.

    Args:
        title: what the text is called.
        seen: one model or two.
        apart: how far two are apart.

    Returns:
        Sentences.
    """
    found = [_sentence(one) for one in seen]
    if apart and apart.low is not None and apart.high is not None:
        more = "more" if apart.bits_per_byte > 0 else "fewer"
        ends = sorted(abs(end) for end in (apart.low, apart.high))
        sure = apart.low > 0 or apart.high < 0
        spread = f"{ends[0]:.3f} to {ends[1]:.3f}" if sure else "an interval that holds 0"
        found.append(
            f"{seen[0].label} needs {abs(apart.bits_per_byte):.3f} bits per byte {more} than "
            f"{seen[1].label}; over {apart.blocks} blocks of {title} drawn again, {spread}."
        )
    elif apart:
        found.append(f"{title} is too short to say how sure the difference is.")
    return found


def _sentence(one: Seen) -> str:
    likelihood, surprised = one.reading.likelihood, most_surprising_word(one.reading)
    pieces = one.reading.pieces
    said = (
        f"{one.label} guessed {likelihood.accuracy:.0%} of the {one.tokens_are}s at once, and "
        f"{half_of(pieces):.0%} of them took half of all its bits."
    )
    if surprised:
        said += f" “{surprised.text}” took the most: {surprised.bits:.1f} bits."
    return said


def half_of(pieces: Sequence[Piece]) -> float:
    """The smallest share of the pieces that took half of the bits.

    Args:
        pieces: those of a text.

    Returns:
        A share, 0 where there are no bits.

    Example:
        >>> half_of([Piece("a", 9.0, 0.0, 0, []), Piece("b", 1.0, 0.0, 0, [])])
        0.5
    """
    bits = sorted((piece.bits for piece in pieces), reverse=True)
    whole, sum_, count = sum(bits), 0.0, 0
    while count < len(bits) and sum_ < whole / 2:
        sum_ += bits[count]
        count += 1
    return count / len(bits) if bits else 0.0
