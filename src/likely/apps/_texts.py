"""The text of the main job: split, encoded, and known by its digest."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import torch

import likely
from likely.apps._budget import Budget
from likely.apps._pieces import pieces
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.split import Split, split
from likely.data.tokens import Tokens, encode


@dataclass(frozen=True, eq=False)
class Texts:
    """The corpus, split and encoded.

    Args:
        parts: the split.
        train: tokens to learn from.
        validation: tokens to choose settings by.
        glance: some of them, for learning curves.
        held_out: tokens that results are reported on.
    """

    parts: Split
    train: Tokens
    validation: Tokens
    glance: Tokens
    held_out: Tokens


def texts_of(corpus: Corpus, budget: Budget, seed: int) -> Texts:
    """Split and encode the share of a corpus that a budget asks for.

    Args:
        corpus: all of it.
        budget: says how much of it, and how much validation text curves are measured on.
        seed: of the split.

    Returns:
        The texts.
    """
    parts = split(_share(corpus, budget.share), seed=seed)
    vocabulary = Vocabulary.of_bytes()
    return Texts(
        parts=parts,
        train=encode(parts.train, vocabulary),
        validation=encode(parts.validation, vocabulary),
        glance=encode(pieces(parts.validation, budget.validation_bytes), vocabulary),
        held_out=encode(parts.held_out, vocabulary),
    )


def _share(corpus: Corpus, share: float) -> Corpus:
    """Documents whose hash falls into a share of all hashes; the same ones every time."""
    if share >= 1:
        return corpus
    limit = int(share * 2**64)
    kept = tuple(
        document
        for document in corpus
        if int.from_bytes(hashlib.sha256(document.id.encode()).digest()[:8]) < limit
    )
    return Corpus(corpus.name, kept, corpus.skipped)


def settings_of(texts: Texts, budget: Budget, seed: int) -> dict[str, Any]:
    """Everything that results depend on.

    Args:
        texts: the text, of which the digest stays.
        budget: how much is done.
        seed: of everything random.

    Returns:
        Plain JSON values.
    """
    digest = hashlib.sha256()
    for tokens in (texts.train, texts.validation, texts.held_out):
        digest.update(tokens.ids.tobytes())
    return {
        "budget": asdict(budget),
        "seed": seed,
        "likely": likely.__version__,
        "torch": torch.__version__,
        "text": digest.hexdigest(),
    }
