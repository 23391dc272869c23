"""Training, validation and held-out text from documents that are too few to be held out whole."""

from dataclasses import replace

from likely.core.errors import BadInput
from likely.data.corpus import Corpus, Document
from likely.data.split import PARTS, Share, Split, check_shares, split

LEAST = 200
"""Bytes below which a text cannot be cut: about a paragraph."""
_MOST = 2.5
"""Times its share that a part of whole documents may have."""


def split_any(corpus: Corpus, *, validation: Share = 0.08, held_out: Share = 0.12) -> Split:
    """Hold out whole documents where there are enough of them, else the ends of documents.

    Whole documents are enough where `split` leaves some for validation and for held-out text and
    takes neither far more than its share.

    Args:
        corpus: what to split.
        validation: share to choose settings by.
        held_out: share to report results on.

    Returns:
        The split; `cut` says whether documents were cut.

    Raises:
        BadInput: no documents, or so little text that nothing can be held out.
        BadSetting: shares that are none, or leave nothing to train on.
    """
    check_shares(split_any, validation, held_out, locals())
    try:
        whole = split(corpus, validation=validation, held_out=held_out)
    except BadInput:
        if not len(corpus):
            raise
        return split_within(corpus, validation=validation, held_out=held_out)
    parts = ((whole.validation, validation), (whole.held_out, held_out))
    if all(0 < part.bytes <= _MOST * share * corpus.bytes for part, share in parts):
        return whole
    return split_within(corpus, validation=validation, held_out=held_out)


def split_within(corpus: Corpus, *, validation: Share = 0.08, held_out: Share = 0.12) -> Split:
    """Cut each document into a beginning to train on, a validation stretch and a held-out end.

    Cuts are made where a paragraph ends near the place that the shares ask for; where none does,
    at the end of a line, of a word, or anywhere. What a document repeats of itself is not kept
    apart, so held-out figures come out a little better than those of new documents. Of a short
    document more is kept apart: 120 bytes, at most a fifth. Documents of less than 200 bytes train,
    unless all are as small.

    Args:
        corpus: what to cut.
        validation: share of each document to choose settings by.
        held_out: share of each document to report results on.

    Returns:
        The split, documents under the ids they had.

    Raises:
        BadInput: less than 200 bytes in all.
        BadSetting: shares that are none, or leave nothing to train on.

    Example:
        >>> story = "".join(f"Line {n} of a short story." + chr(10) for n in range(50))
        >>> parts = split_within(Corpus("story", (Document("a", story),)))
        >>> parts.held_out.documents[0].text.splitlines()[0]
        'Line 44 of a short story.'
    """
    check_shares(split_within, validation, held_out, locals())
    if corpus.bytes < LEAST:
        raise BadInput(
            f"The corpus {corpus.name!r} has {corpus.bytes} bytes of text, and that is too little "
            f"to learn from and to measure on: give at least {LEAST} bytes, better 10,000 or more."
        )
    parts: dict[str, list[Document]] = {name: [] for name in PARTS}
    long = [document for document in corpus if document.bytes >= LEAST]
    for document in corpus:
        if long and document.bytes < LEAST:
            parts["train"].append(document)
            continue
        shares = [max(share, min(0.2, 120 / document.bytes)) for share in (validation, held_out)]
        for name, text in zip(PARTS, _stretches(document.text, *shares), strict=True):
            if text.strip():
                parts[name].append(replace(document, text=text))
    made = [Corpus(f"{corpus.name}/{name}", tuple(parts[name])) for name in PARTS]
    if not all(len(part) for part in made):
        raise BadInput(
            f"The corpus {corpus.name!r} is {len(corpus)} documents that are too short to be cut: "
            "join them, or give longer ones."
        )
    clusters = {document.id: document.id for document in corpus}
    train, middle, end = made
    return Split(train, middle, end, clusters=clusters, cut=True)


def _stretches(text: str, validation: float, held_out: float) -> tuple[str, str, str]:
    """Beginning, middle and end of a text."""
    room = int(min(validation, held_out) * len(text) / 3)
    first = _cut(text, round(len(text) * (1 - validation - held_out)), room)
    second = max(_cut(text, round(len(text) * (1 - held_out)), room), first + 1)
    return text[:first], text[first:second], text[second:]


def _cut(text: str, place: int, room: int) -> int:
    """The place near `place` after the best mark there is within `room` characters."""
    low, high = max(place - room, 1), min(place + room, len(text) - 1)
    for mark in ("\n\n", "\n", " "):
        ends = [at + len(mark) for at in _finds(text, mark, low, high)]
        if ends:
            return min(ends, key=lambda end: abs(end - place))
    return place


def _finds(text: str, mark: str, low: int, high: int) -> list[int]:
    """All places of a mark that ends between `low` and `high`."""
    found, at = [], text.find(mark, max(low - len(mark), 0), high)
    while at >= 0:
        found.append(at)
        at = text.find(mark, at + 1, high)
    return found
