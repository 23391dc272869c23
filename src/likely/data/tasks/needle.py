"""Needle: one sentence in a long text is asked for at its end."""

import math
from collections.abc import Iterable, Iterator
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.data.task import Task, exact
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, corpus
from likely.data.tasks._draw import Count, Seed, apart, distinct
from likely.data.tasks._words import filler, word, words_of

_SAID = "The code of {} is "


def needle(
    *,
    documents: Count = 1000,
    held_out: Count = 200,
    length: Annotated[int, Ge(64)] = 512,
    depth: Annotated[float, Ge(0), Le(1)] | None = None,
    distractors: Annotated[int, Ge(0), Le(1000)] = 3,
    digits: Annotated[int, Ge(1), Le(18)] = 4,
    seed: Seed = 0,
) -> Task:
    """A code in a long text of words that mean nothing; other codes stand there too.

    The filler is common words of a language that does not exist, in random order, so that nothing
    in it helps. Codes are random and differ within a text. The name asked for in a held-out text is
    never asked for in training, though it may belong to a distractor there.

    Args:
        documents: texts to train on.
        held_out: texts to be judged on.
        length: characters before the question, exactly.
        depth: where the needle stands, 0 at the beginning and 1 at the end; None for everywhere.
        distractors: other names with other codes, anywhere.
        digits: of a code.
        seed: of what is drawn.

    Returns:
        The task. Metadata: `key`, `depth` as asked, `position` (the character at which the needle
        begins), `distractors` (names and codes). Known: `chance` of a code made up; `chance_read`,
        that of a code taken from the text at random; `entropy`, nats of an answer.

    Raises:
        BadSetting: settings outside their bounds, a length into which needle and distractors do
            not fit, or fewer codes than are needed.

    Example:
        >>> task = needle(documents=1, held_out=1, length=90, depth=0.5, distractors=1)
        >>> print(task.held_out.documents[0].text)
        The code of qinalu is 6323. sunu daqu ceju The code of hajaxi is 7294. qowe wedo qihu.....
        The code of hajaxi is 7294

    References:
        Kamradt, Needle In A Haystack: Pressure Testing LLMs, 2023; Hsieh et al., RULER: What's the
        Real Context Size of Your Long-Context Language Models?, 2024. arXiv:2404.06654; Arora et
        al., Zoology: Measuring and Improving Recall in Efficient Language Models, 2023.
        arXiv:2312.04927.
    """
    checked(needle, locals())
    wide = len(_SAID.format(word(0, 3))) + digits + 2  # with full stop and blank
    _possible(length, distractors, digits, wide)
    rng, codes = np.random.default_rng(seed), 10**digits
    parts = apart("needle", words_of(3), documents, held_out, rng)

    def rows(numbers: Iterable[int]) -> Iterator[Row]:
        for number in numbers:
            drawn = distinct(words_of(3), distractors + 1, rng)
            keys = [number, *(other for other in drawn if other != number)][: distractors + 1]
            names = [word(key, 3) for key in keys]
            values = [f"{code:0{digits}}" for code in distinct(codes, distractors + 1, rng)]
            said = [f"{_SAID.format(n)}{v}." for n, v in zip(names, values, strict=True)]
            at = float(rng.random()) if depth is None else depth
            text = _haystack(said, at, length, rng)
            others = tuple(zip(names[1:], values[1:], strict=True))
            about = {"key": names[0], "depth": at, "position": text.index(said[0])}
            question = _SAID.format(names[0])
            yield f"{text}\n{question}", values[0], {**about, "distractors": others}

    train, held = (
        corpus("needle", part, rows(numbers))
        for part, numbers in zip((TRAIN, HELD_OUT), parts, strict=True)
    )
    known = {
        "chance": 1 / codes,
        "chance_read": 1 / (distractors + 1),
        "entropy": digits * math.log(10),
    }
    return Task("needle", train, held, known, exact)


def _possible(length: int, distractors: int, digits: int, wide: int) -> None:
    problems, needed = [], (distractors + 1) * wide
    if needed > length:
        problems.append(
            f"length={length} should be at least {needed} for a needle and "
            f"distractors={distractors}."
        )
    if distractors >= 10**digits:
        problems.append(
            f"distractors={distractors} should be less than {10**digits}: codes of digits={digits} "
            "differ within a text."
        )
    if problems:
        raise BadSetting("needle", problems)


def _haystack(said: list[str], depth: float, length: int, rng: np.random.Generator) -> str:
    """Filler of which the first sentence stands at `depth` and the others anywhere."""
    free = length - sum(len(one) + 1 for one in said)
    words = filler(free // 5, rng)  # four letters and a blank each
    gaps = [round(depth * len(words)), *rng.integers(len(words) + 1, size=len(said) - 1).tolist()]
    # Where several stand in one gap, the needle comes first or last at the edges of the text.
    edge = -1 if depth <= 0.5 else len(said)
    order = sorted(range(len(said)), key=lambda i: (gaps[i], i if i else edge))
    parts, begin = [], 0
    for place in order:
        parts += [*words[begin : gaps[place]], said[place]]
        begin = gaps[place]
    text = " ".join([*parts, *words[begin:]])
    return text + "." * (length - len(text))
