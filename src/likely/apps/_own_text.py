"""The text of a run: read, split, encoded, and how much it is in words."""

from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator

from likely.apps._console import messages, tell_skipped
from likely.data.corpus import Corpus
from likely.data.sample import shortened
from likely.data.split import PARTS, Split
from likely.data.tokens import Tokens, encode
from likely.data.within import split_any
from likely.train._texts import MOST_VALIDATION, read_data, vocabulary_of
from likely.train.recipe import Recipe

MOST_HELD_OUT = 262_144
"""Bytes of held-out text that are measured at the end."""


@dataclass(frozen=True, eq=False)
class Texts:
    """The text of a run.

    Args:
        parts: everything that was read, split.
        train: to train on.
        validation: to look at while training; of a long one, a sample.
        held_out: to report on; of a long one, a sample.
        held_out_corpus: the same as documents.
    """

    parts: Split
    train: Tokens
    validation: Tokens
    held_out: Tokens
    held_out_corpus: Corpus


def texts_of(recipe: Recipe, folder: Path, accelerator: Accelerator) -> Texts:
    """Read, split and encode what the recipe names, and say how much it is.

    Args:
        recipe: names the text and the tokenizer.
        folder: of the run, where the vocabulary is kept.
        accelerator: the processes; the first one makes the vocabulary.

    Returns:
        The text.
    """
    corpus = read_data(recipe)
    parts = split_any(corpus)
    tell_skipped(corpus.skipped, len(corpus))
    vocabulary = vocabulary_of(recipe, parts.train, folder, accelerator)
    console = messages()
    train, validation, held_out = (size(parts.parts[name].bytes) for name in PARTS)
    many = f"{len(corpus):,} document{'s' if len(corpus) > 1 else ''}"
    console.print(
        f"Text: {many}, {size(corpus.bytes)}: {train} to train on, {validation} to look at "
        f"meanwhile (validation), {held_out} held out for the end."
    )
    if parts.cut:
        console.print(
            "      Too few documents to keep whole ones apart, so validation and held-out text are "
            "the last fifth of each."
        )
    validation_corpus = shortened(parts.validation, MOST_VALIDATION)
    held_out_corpus = shortened(parts.held_out, MOST_HELD_OUT)
    return Texts(
        parts,
        encode(parts.train, vocabulary),
        encode(validation_corpus, vocabulary),
        encode(held_out_corpus, vocabulary),
        held_out_corpus,
    )


def size(count: int) -> str:
    """Bytes in words.

    Args:
        count: how many.

    Returns:
        Such as `84 kB`.

    Example:
        >>> size(120), size(84_300), size(2_340_000)
        ('120 bytes', '84 kB', '2.3 MB')
    """
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.0f} kB" if count < 999_500 else f"{count / 1e6:.1f} MB"
