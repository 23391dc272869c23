"""How often each token occurs in the training text, from wherever that is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.tokenizers._counted import counted
from likely.data.tokenizers._saved import load
from likely.data.tokens import Tokens


def with_counts(vocabulary: Vocabulary, source: Corpus | Tokens | str | Path) -> Vocabulary:
    """The same vocabulary with the counts of a text, or with those that another one has.

    Args:
        vocabulary: what to count.
        source: training text; or a folder with a saved vocabulary that was counted: the
            `tokenizer` of a run, or the run.

    Returns:
        The vocabulary with `counts`.

    Raises:
        BadInput: nothing to count, tokens or a saved vocabulary of another tokenizer, or one that
            was not counted.

    Example:
        >>> from likely.data.corpus import Document
        >>> text = Corpus("c", (Document("a", "hello"),))
        >>> with_counts(Vocabulary.of_bytes(), text).counts[[ord("l"), 256]].tolist()
        [2, 1]
    """
    if isinstance(source, str | Path):
        return replace(vocabulary, counts=_saved(vocabulary, Path(source)))
    if not len(source):
        raise BadInput("with_counts: there are no documents to count; give at least one.")
    if isinstance(source, Corpus):
        return counted(vocabulary, source)
    _same(vocabulary, source.vocabulary, "the tokens")
    counts = np.bincount(source.ids, minlength=vocabulary.size).astype(np.int64)
    return replace(vocabulary, counts=counts)


def _saved(vocabulary: Vocabulary, folder: Path) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    inside = folder / "tokenizer"
    kept = load(inside if inside.is_dir() else folder)
    _same(vocabulary, kept, str(folder))
    if kept.counts is None:
        raise BadInput(
            f"{folder}: nobody has counted this vocabulary; give the training text in its place."
        )
    return kept.counts


def _same(vocabulary: Vocabulary, other: Vocabulary, where: str) -> None:
    if vocabulary.fingerprint != other.fingerprint:
        raise BadInput(
            f"with_counts: {where} belong to another tokenizer (of {other.size} ids, and this one "
            f"has {vocabulary.size}), so its counts say nothing here; give text, or the same one."
        )
