"""The text of a study in three parts that share no document: training, tuning, test."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from likely.core.bind import bind
from likely.core.errors import BadInput
from likely.data.sample import shortened
from likely.data.split import Split
from likely.data.tokens import Tokens, encode
from likely.data.within import split_any
from likely.train._setup import fingerprint
from likely.train._texts import MOST_VALIDATION, read_data
from likely.train.recipe import Recipe

MOST_TEST = 262_144
"""Bytes of test text that trained models are judged on; of a longer one, a sample."""


@dataclass(frozen=True, eq=False)
class StudyText:
    """What one tokenizer makes of the text of a study.

    Args:
        train: to train on.
        tuning: to choose settings by, and for nothing else.
        test: for verdicts, and for nothing else.
        cut: whether documents were cut, so that a part is a stretch of each.
    """

    train: Tokens
    tuning: Tokens
    test: Tokens
    cut: bool

    @property
    def key(self) -> str:
        """Changes with any token of any part."""
        parts = (self.train, self.tuning, self.test)
        return hashlib.sha256("".join(map(fingerprint, parts)).encode()).hexdigest()[:16]

    @property
    def sizes(self) -> dict[str, Any]:
        """Tokens and bytes of the parts, and the key."""
        parts = {"training": self.train, "tuning": self.tuning, "test": self.test}
        said = {
            name: {"tokens": len(part.ids), "bytes": part.total_bytes, "documents": len(part)}
            for name, part in parts.items()
        }
        return {**said, "fingerprint": self.key, "cut": self.cut}


def study_text(recipe: Recipe, share: float, held_out: float) -> StudyText:
    """Read, split and encode what a recipe names; remembered by a process that trains it again.

    The split depends on the text alone, not on a seed: every arm, trial and seed has the same one.

    Args:
        recipe: names the text and the tokenizer.
        share: of the text, for tuning.
        held_out: share of the text, for verdicts.

    Returns:
        The parts.

    Raises:
        BadInput: too little text for three parts.
    """
    about = (recipe.data, recipe.field, recipe.on_error, share, held_out)
    return _encoded(about, recipe.tokenizer)


@lru_cache(maxsize=1)
def _parts(about: tuple[Any, ...]) -> Split:
    data, field, on_error, share, held_out = about
    corpus = read_data(Recipe(data=data, field=field, on_error=on_error))
    parts = split_any(corpus, validation=share, held_out=held_out)
    if not all(len(part.documents) for part in parts.parts.values()):
        raise BadInput(
            f"The corpus {corpus.name!r} is too little text to train, to tune and to test on: give "
            "more of it."
        )
    return parts


@lru_cache(maxsize=2)
def _encoded(about: tuple[Any, ...], tokenizer: str) -> StudyText:
    parts = _parts(about)
    chosen = bind(tokenizer, room="data.tokenizers")
    vocabulary = chosen.entry(parts.train, **chosen.settings)
    return StudyText(
        encode(parts.train, vocabulary),
        encode(shortened(parts.validation, MOST_VALIDATION), vocabulary),
        encode(shortened(parts.held_out, MOST_TEST), vocabulary),
        parts.cut,
    )


def check_text(found: str, wanted: str) -> None:
    """Raise where the text is not the one that a study began with.

    Args:
        found: key of the text as it is now.
        wanted: key that the study wrote down.

    Raises:
        BadInput: they differ.
    """
    if found != wanted:
        raise BadInput(
            "The text is not the one that this study began with: put it back, or begin another "
            "study in another --out."
        )
