"""Passages put into a corpus a known number of times, to measure what a model memorises."""

import re
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.data.corpus import Corpus, Document

WORD = re.compile(r"[A-Za-z]{2,14}")
"""What counts as a word."""
_READ = 400
Count = Annotated[int, Ge(1)]


@dataclass(frozen=True)
class Planted:
    """A passage and how often it was put in.

    Args:
        text: the passage.
        repeats: how many documents of the corpus it is; 0 for a control that no model saw.
    """

    text: str
    repeats: int


def plant(
    corpus: Corpus,
    *,
    passages: Count,
    repeats: tuple[Annotated[int, Ge(0)], ...],
    length: Count,
    seed: Annotated[int, Ge(0)] = 0,
) -> tuple[Corpus, tuple[Planted, ...]]:
    """Add passages of shuffled words as documents of the domain `planted`.

    Words are drawn from the corpus as often as they occur there, in random order: a passage looks
    like the corpus to a model that counts words, and nothing but memory can predict it further.
    Plant after splitting, into the training part: copies are duplicates by construction.

    Args:
        corpus: where to plant.
        passages: how many passages for each number of repeats.
        repeats: how often to put them in: `(0, 1, 4, 16)`; 0 for controls.
        length: bytes a passage.
        seed: of the words drawn.

    Returns:
        The corpus with the passages after its own documents, and the passages in the order of
        `repeats`.

    Raises:
        BadSetting: `passages` or `length` below 1, or a negative number of repeats
            or seed.
        BadInput: the corpus has no words.
    """
    checked(plant, locals())
    rng = np.random.default_rng(seed)
    words = _words(corpus, rng)
    planted = tuple(
        Planted(_passage(words, length, rng), times) for times in repeats for _ in range(passages)
    )
    copies = tuple(
        Document(f"planted/{number}#{copy}", passage.text, "planted", {"repeats": passage.repeats})
        for number, passage in enumerate(planted)
        for copy in range(1, passage.repeats + 1)
    )
    return Corpus(corpus.name, (*corpus.documents, *copies), corpus.skipped), planted


def begins_alike(wanted: str, written: str) -> int:
    """How many characters agree before the first that does not.

    Args:
        wanted: what was to be written.
        written: what was; what comes after the length of `wanted` is not looked at.

    Returns:
        Their number.

    Example:
        >>> begins_alike("passage", "passing by"), begins_alike("pass", "passage")
        (4, 4)
    """
    return next(
        (i for i, (a, b) in enumerate(zip(wanted, written, strict=False)) if a != b),
        min(len(wanted), len(written)),
    )


def _words(corpus: Corpus, rng: np.random.Generator) -> list[str]:
    """Words of the corpus, or of some hundred of its documents, as they occur."""
    places = rng.permutation(len(corpus))[:_READ]
    words = [word for place in places for word in WORD.findall(corpus.documents[place].text)]
    if not words:
        raise BadInput(
            f"The corpus {corpus.name!r} has no words of the letters A–Z to make passages of."
        )
    return words


def _passage(words: list[str], length: int, rng: np.random.Generator) -> str:
    drawn: list[str] = []
    while sum(map(len, drawn)) + len(drawn) <= length:
        drawn += [words[place] for place in rng.integers(len(words), size=length // 4 + 1)]
    return " ".join(drawn)[:length]
