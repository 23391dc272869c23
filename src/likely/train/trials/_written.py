"""The same text as bytes, as one arithmetic-coded stream a piece, and as Equal-Info Windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from likely.core.errors import LikelyError
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.embedded import embedded
from likely.data.tokens import Tokens, encode
from likely.models._codes import Account, Coder
from likely.models._ngram import NGram
from likely.models.arithmetic_coding import arithmetic_coding
from likely.models.equal_info import equal_info
from likely.models.ngram import ngram

PIECE, MOST = 512, 32  # characters a document, and how many of them one module gives
CHECKED = 3  # streams that are decoded again, one byte at a time; of windows, all that are held out
VALIDATION = 30_000  # bytes
BETTER = 6  # order of the n-gram that shows what the first model leaves

Representation = Literal["bytes", "plain", "windows"]


@dataclass(frozen=True)
class Texts:
    """Texts of one seed; no module is in two of them.

    Args:
        validation: to choose settings by.
        held_out: to be judged on.
        coder: the first model is counted on it.
        train: the second model reads it.
    """

    validation: Corpus
    held_out: Corpus
    coder: Corpus
    train: Corpus


@dataclass(frozen=True, eq=False)
class Written:
    """What the second model is trained and judged on.

    Args:
        train: its training text.
        validation: to choose settings by.
        held_out: to be judged on.
        bits: of a token.
        account: what the held-out text costs.
        left: bits per byte that the first model needs more than a 6-gram of the training text.
    """

    train: Tokens
    validation: Tokens
    held_out: Tokens
    bits: int
    account: Account
    left: float


@lru_cache(maxsize=1)
def texts_of(seed: int, coder_bytes: int, train_bytes: int, held_out_bytes: int) -> Texts:
    """Pieces of the embedded corpus, its modules in an order of their own for each seed.

    Args:
        seed: of the order.
        coder_bytes: of the first model's text.
        train_bytes: of the second model's.
        held_out_bytes: to be judged on.

    Returns:
        The texts.

    Raises:
        LikelyError: the corpus is too short for them.
    """
    corpus = embedded()
    order = np.random.default_rng(seed).permutation(len(corpus)).tolist()
    modules = (corpus.documents[n] for n in order)
    sizes = (VALIDATION, held_out_bytes, coder_bytes, train_bytes)
    return Texts(*(_pieces(modules, size) for size in sizes))


def _pieces(modules: Iterator[Document], size: int) -> Corpus:
    pieces: list[Document] = []
    have = 0
    for module in modules:
        for begin in range(0, min(len(module.text), MOST * PIECE) - PIECE + 1, PIECE):
            pieces.append(Document(f"{module.id}@{begin}", module.text[begin : begin + PIECE]))
            have += pieces[-1].bytes
            if have >= size:
                return Corpus("pieces", tuple(pieces))
    raise LikelyError(
        f"The embedded corpus ends {size - have:,} bytes before all texts are full: ask for "
        "fewer bytes."
    )


@lru_cache(maxsize=1)
def _first_model(texts: Texts, order: int) -> tuple[NGram, float, float]:
    """The n-gram, its bits for the held-out text, and how many a byte a better one would save."""
    vocabulary = Vocabulary.of_bytes()
    coder, train, validation, held_out = (
        encode(text, vocabulary)
        for text in (texts.coder, texts.train, texts.validation, texts.held_out)
    )
    model = ngram(coder, validation, order=order)
    better = ngram(train, validation, order=BETTER)
    bits, fewer = (-float(one.log_prob(held_out).sum() / np.log(2)) for one in (model, better))
    return model, bits, (bits - fewer) / held_out.total_bytes


@lru_cache(maxsize=1)
def written(
    texts: Texts, representation: Representation, order: int, window_bits: int, token_bits: int
) -> Written:
    """The texts as a second model reads them.

    Args:
        texts: of one seed.
        representation: bytes, one stream a piece, or windows.
        order: of the n-gram that drives the coder.
        window_bits: bits of a window.
        token_bits: bits of a token of code.

    Returns:
        Tokens, and what the held-out text costs.

    Raises:
        LikelyError: a text did not come back from its code.
    """
    model, plain, left = _first_model(texts, order)
    if representation == "bytes":
        size = texts.held_out.bytes
        train, validation, held_out = (
            encode(text, model.vocabulary)
            for text in (texts.train, texts.validation, texts.held_out)
        )
        cost = Account(size, size, 8 * size, plain)
        return Written(train, validation, held_out, 8, cost, left)
    coder: Coder = (
        equal_info(model, window_bits=window_bits, token_bits=token_bits)
        if representation == "windows"
        else arithmetic_coding(model, token_bits=token_bits)
    )
    train, _ = coder.read(texts.train)
    validation, _ = coder.read(texts.validation)
    held_out, account = coder.read(texts.held_out)
    _check(coder, texts.held_out, held_out, None if representation == "windows" else CHECKED)
    return Written(train, validation, held_out, token_bits, account, left)


def _check(coder: Coder, corpus: Corpus, tokens: Tokens, most: int | None) -> None:
    for number, document in enumerate(corpus.documents[:most]):
        ids = tokens.ids[tokens.offsets[number] : tokens.offsets[number + 1]]
        if coder.decode(ids) != document.data:
            raise LikelyError(f"{document.id}: the text did not come back from its code.")
