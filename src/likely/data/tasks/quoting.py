"""Quoting: one sentence of a passage is to be given back word for word."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.data.task import Task, exact
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, corpus
from likely.data.tasks._draw import Count, Seed, apart
from likely.data.tasks._words import filler, listed, word, words_of


def quoting(
    *,
    documents: Count = 1000,
    held_out: Count = 200,
    sentences: Annotated[int, Ge(1), Le(1000)] = 6,
    words: Annotated[int, Ge(2), Le(1000)] = 8,
    seed: Seed = 0,
) -> Task:
    """A passage, the first word of one of its sentences, and that sentence.

    Sentences are words of a language that does not exist, in random order. The first word of a
    sentence begins no other sentence of the whole corpus, so that there is one right answer, and
    none that was trained on.

    Args:
        documents: passages to train on.
        held_out: passages to be judged on.
        sentences: of a passage.
        words: of a sentence.
        seed: of what is drawn.

    Returns:
        The task. Metadata: `passage`, `key` (the first word), `index` of the sentence, `begin` and
        `end` of what is quoted, in the text. Known: `chance`, that of a sentence of the passage
        taken at random.

    Raises:
        BadSetting: settings outside their bounds, or more sentences than there are first words.

    Example:
        >>> task = quoting(documents=1, held_out=1, sentences=2, words=3)
        >>> print(task.held_out.documents[0].text)
        hajaxi funa hahu. sesano rujo juve.
        Quote sesano: sesano rujo juve.

    References:
        Saxena, Prompt Lookup Decoding, 2023; He et al., REST: Retrieval-Based Speculative Decoding,
        2023. arXiv:2311.08252.
    """
    checked(quoting, locals())
    if (documents + held_out) * sentences > words_of(3):
        raise BadSetting(
            "quoting",
            [
                f"documents={documents} and held_out={held_out} should be at most "
                f"{words_of(3) // sentences} together: with sentences={sentences} there are no "
                "more first words."
            ],
        )
    rng = np.random.default_rng(seed)
    trained, kept = documents * sentences, held_out * sentences
    parts = apart("quoting", words_of(3), trained, kept, rng)

    def rows(numbers: list[int]) -> Iterator[Row]:
        for begin in range(0, len(numbers), sentences):
            keys = [word(number, 3) for number in numbers[begin : begin + sentences]]
            said = [listed([key, *filler(words - 1, rng)]) for key in keys]
            index = int(rng.integers(sentences))
            passage = " ".join(said)
            place = passage.index(said[index])
            about = {"passage": passage, "key": keys[index], "index": index}
            span = {"begin": place, "end": place + len(said[index])}
            yield f"{passage}\nQuote {keys[index]}: ", said[index], {**about, **span}

    train, held = (
        corpus("quoting", part, rows(numbers))
        for part, numbers in zip((TRAIN, HELD_OUT), parts, strict=True)
    )
    return Task("quoting", train, held, {"chance": 1 / sentences}, exact)
