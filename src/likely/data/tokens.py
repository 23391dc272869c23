"""A corpus as token ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likely.core.errors import ShapeError
from likely.core.vocabulary import Vocabulary
from likely.data._scores import segment_scores
from likely.data.corpus import Corpus

_BATCH = 256  # documents to encode at once


@dataclass(frozen=True, eq=False)
class Tokens:
    """Documents end to end; the targets of document m are `ids[offsets[m]:offsets[m + 1]]`.

    Those are its text followed by EOS. What is read at a document's first place is BOS, and at
    every later place the target before.

    Args:
        ids: targets of all documents.
        offsets: where documents start, and the end, `[M + 1]`.
        names: ids of the documents.
        domains: domains of the documents.
        byte_lengths: UTF-8 bytes of the text of each, `[M]`.
        vocabulary: what the ids mean.
        columns: what else is known of every target, by name: `[n]`, or `[n, K]`.

    Raises:
        ShapeError: fields that do not agree on the number of documents or ids, or a document
            without a target.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    names: tuple[str, ...]
    domains: tuple[str, ...]
    byte_lengths: NDArray[np.int64]
    vocabulary: Vocabulary
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        documents = {len(self.offsets) - 1, *map(len, (self.names, self.domains))}
        if documents != {len(self.byte_lengths)} or self.offsets[-1] != len(self.ids):
            raise ShapeError(
                f"Tokens: {len(self.names)} names, {len(self.domains)} domains, "
                f"{len(self.byte_lengths)} byte lengths, {len(self.offsets)} offsets (one more "
                f"than documents is needed) and {len(self.ids)} ids do not fit together."
            )
        for name, column in self.columns.items():
            if len(column) != len(self.ids):
                raise ShapeError(
                    f"Tokens: the column {name!r} has {len(column)} entries, and there are "
                    f"{len(self.ids)} targets: it needs one for each."
                )
        if (np.diff(self.offsets) < 1).any():
            raise ShapeError("Tokens: every document needs at least one target, its EOS.")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def total_bytes(self) -> int:
        """UTF-8 bytes of the text of all documents."""
        return int(self.byte_lengths.sum())

    def select(self, documents: Sequence[int] | NDArray[np.int64]) -> "Tokens":
        """Some of the documents, in the order given.

        Args:
            documents: their numbers.

        Returns:
            Tokens of these documents only.
        """
        chosen = np.asarray(documents, np.int64)
        spans = [np.arange(self.offsets[m], self.offsets[m + 1]) for m in chosen]
        places = np.concatenate(spans) if spans else np.zeros(0, np.int64)
        return Tokens(
            ids=self.ids[places],
            offsets=_offsets([len(span) for span in spans]),
            names=tuple(self.names[m] for m in chosen),
            domains=tuple(self.domains[m] for m in chosen),
            byte_lengths=self.byte_lengths[chosen],
            vocabulary=self.vocabulary,
            columns={name: column[places] for name, column in self.columns.items()},
        )

    def with_columns(self, columns: Mapping[str, NDArray[Any]]) -> "Tokens":
        """The same text with more known of every target.

        Args:
            columns: by name, one entry a target.

        Returns:
            New tokens; these stay.
        """
        return replace(self, columns={**self.columns, **columns})


def encode(corpus: Corpus, vocabulary: Vocabulary) -> Tokens:
    """Tokens of every document, each closed by EOS.

    Documents that came in pieces with scores (`segments`, or `texts` and `scores`) have a column
    `segment_score`: that of the piece which the predicted token ends in.

    Args:
        corpus: what to encode.
        vocabulary: how.

    Returns:
        The tokens, documents in the order of the corpus.

    Raises:
        BadInput: the vocabulary cannot encode text by itself, or only some documents have scores.

    Example:
        >>> from likely.data.corpus import Document
        >>> encode(Corpus("c", (Document("a", "hi"),)), Vocabulary.of_bytes()).ids
        array([104, 105, 256], dtype=int32)
    """
    end = np.array([vocabulary.eos], np.int32)
    parts: list[NDArray[np.int32]] = []
    for begin in range(0, len(corpus), _BATCH):
        texts = [document.text for document in corpus.documents[begin : begin + _BATCH]]
        parts += [ids.astype(np.int32) for ids in vocabulary.encode_many(texts)]
    scores = segment_scores(corpus, parts, vocabulary)
    return Tokens(
        ids=np.concatenate([piece for part in parts for piece in (part, end)] or [end[:0]]),
        offsets=_offsets([len(part) + 1 for part in parts]),
        names=tuple(document.id for document in corpus),
        domains=tuple(document.domain for document in corpus),
        byte_lengths=np.array([document.bytes for document in corpus], np.int64),
        vocabulary=vocabulary,
        columns={} if scores is None else {"segment_score": scores},
    )


def _offsets(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.array(lengths, np.int64))]).astype(np.int64)
