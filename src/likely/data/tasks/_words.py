"""Words of a language that does not exist: syllables of one consonant and one vowel."""

from collections.abc import Sequence

import numpy as np

_SYLLABLES = tuple(c + v for c in "bcdfghjklmnpqrstvwxz" for v in "aeiou")
_FAR = 6367
"""Prime to 10, so that multiplying by it permutes the numbers of words of any length."""
COMMON = 500
"""How many words filler is made of."""


def words_of(syllables: int) -> int:
    """How many words of a length there are."""
    return int(len(_SYLLABLES) ** syllables)


def word(number: int, syllables: int = 2) -> str:
    """One word a number, each different; neighbours do not look alike."""
    space, parts = words_of(syllables), []
    number = (number * _FAR + 17) % space
    for _ in range(syllables):
        number, place = divmod(number, len(_SYLLABLES))
        parts.append(_SYLLABLES[place])
    return "".join(parts)


def filler(count: int, rng: np.random.Generator) -> list[str]:
    """Common words of four letters in random order, as filler."""
    return [word(number) for number in rng.integers(COMMON, size=count).tolist()]


def listed(words: Sequence[str]) -> str:
    """Words as a sentence."""
    return f"{' '.join(words)}."
