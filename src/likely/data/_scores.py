"""Scores of the pieces of a text, one a token."""

from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.data._borders import Ids, stretch_of
from likely.data._columns import scored_parts
from likely.data.corpus import Corpus, Document


def has_scores(document: Document) -> bool:
    """Whether a document came with scores of its pieces.

    Args:
        document: its metadata are looked at.

    Returns:
        True where they have `segments`, or `texts` and `scores`.
    """
    known = document.metadata
    return known.get("segments") is not None or (
        known.get("texts") is not None and known.get("scores") is not None
    )


def segment_scores(
    corpus: Corpus, ids: list[Ids], vocabulary: Vocabulary
) -> NDArray[np.float32] | None:
    """The score of the piece that each token ends in; EOS has that of the last one.

    Args:
        corpus: documents, all with scores or all without.
        ids: tokens of each document, without EOS.
        vocabulary: what they spell.

    Returns:
        One score a target, EOS too; None where no document has scores.

    Raises:
        BadInput: only some documents have scores, or pieces do not spell their document's text.
    """
    with_scores = [has_scores(document) for document in corpus]
    if not any(with_scores):
        return None
    if not all(with_scores):
        without = corpus.documents[with_scores.index(False)]
        raise BadInput(
            f"The document {without.id!r} has no scores (segments, or texts and scores), and "
            "others have: give scores to all of them, or read the others by themselves."
        )
    pairs = zip(corpus, ids, strict=True)
    return np.concatenate([_of_document(document, own, vocabulary) for document, own in pairs])


def _of_document(document: Document, ids: Ids, vocabulary: Vocabulary) -> NDArray[np.float32]:
    parts = scored_parts(document.metadata, f"document {document.id!r}")
    whole, text = "".join(part.text for part in parts), document.text
    # A document that was cut keeps its metadata: its text lies somewhere within the pieces.
    begin = len(whole) - len(text) if whole.endswith(text) else whole.find(text)
    begin = 0 if whole.startswith(text) else begin
    if begin < 0 or not parts:
        raise BadInput(
            f"The document {document.id!r} has another text than its pieces say one after the "
            "other: leave the text out, or repair the pieces."
        )
    ends = list(accumulate(len(part.text) for part in parts))
    there = [n for n, part in enumerate(parts) if ends[n] > begin and part.text]
    starts = [0, *(ends[n] - len(parts[n].text) - begin for n in there[1:])]
    kept = [(n, start) for n, start in zip(there, starts, strict=True) if start < len(text)]
    where = stretch_of(ids, text, [start for _, start in kept], vocabulary, vocabulary.encode_many)
    scores = np.array([parts[n].score for n, _ in kept], np.float32)[where]
    return np.append(scores, scores[-1] if len(scores) else np.float32(0)).astype(np.float32)
