"""Substitution cipher: every document has a key of its own, which its beginning gives away."""

import math
from collections.abc import Iterable, Iterator
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from likely.core.settings import checked
from likely.data.task import Task, exact
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, corpus
from likely.data.tasks._draw import Count, Seed, apart, digits_of

_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def substitution_cipher(
    *,
    documents: Count = 1000,
    held_out: Count = 200,
    letters: Annotated[int, Ge(2), Le(26)] = 16,
    shown: Count = 32,
    length: Count = 8,
    seed: Seed = 0,
) -> Task:
    """A text, the same enciphered, and another enciphered text that is to be read.

    The key puts every letter in the place of another, at random, and each document has a key that
    no other has: what decodes is in the prompt and nowhere else. All letters are drawn evenly, so
    that frequencies say nothing; the text asked for has only letters that were shown, so that there
    is one right answer.

    Args:
        documents: texts to train on.
        held_out: texts to be judged on.
        letters: of the alphabet.
        shown: letters of the text that is given with its cipher.
        length: letters of the text that is asked for.
        seed: of keys and texts.

    Returns:
        The task. Metadata: `key`, the cipher of the letters from `a` on. Known: `chance`, what
        guessing shown letters scores, over the held-out part.

    Raises:
        BadSetting: settings outside their bounds, or more documents than there are keys.

    Example:
        >>> task = substitution_cipher(documents=1, held_out=1, letters=5, shown=8, length=3)
        >>> print(task.held_out.documents[0].text)
        deddcceb
        dbddeeba
        bda
        edb

    References:
        Shannon, Communication Theory of Secrecy Systems, 1949; McCoy et al., Embers of
        Autoregression, 2023. arXiv:2309.13638.
    """
    checked(substitution_cipher, locals())
    rng = np.random.default_rng(seed)
    space = math.factorial(letters)
    parts = apart("substitution_cipher", space, documents, held_out, rng)

    def rows(numbers: Iterable[int]) -> Iterator[Row]:
        for number in numbers:
            key = _key(number, letters)
            cipher = str.maketrans(_ALPHABET[:letters], key)
            given = "".join(_ALPHABET[place] for place in rng.integers(letters, size=shown))
            seen = sorted(set(given))
            asked = "".join(seen[place] for place in rng.integers(len(seen), size=length))
            prompt = f"{given}\n{given.translate(cipher)}\n{asked.translate(cipher)}\n"
            yield prompt, asked, {"key": key}

    train, held = (
        corpus("substitution_cipher", part, rows(numbers))
        for part, numbers in zip((TRAIN, HELD_OUT), parts, strict=True)
    )
    seen = [len(set(document.text.partition("\n")[0])) for document in held]
    known = {"chance": math.fsum(float(count) ** -length for count in seen) / len(seen)}
    return Task("substitution_cipher", train, held, known, exact)


def _key(number: int, letters: int) -> str:
    """The arrangement of the letters with this number."""
    left = list(_ALPHABET[:letters])
    places = digits_of(number, range(letters, 0, -1))
    return "".join(left.pop(place) for place in places)
