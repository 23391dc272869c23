"""Copying: a random string, and the same again, backwards or several times."""

import math
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le

from likely.core.settings import checked
from likely.data.task import Task, exact
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, corpus
from likely.data.tasks._documents import symbols as named
from likely.data.tasks._draw import Count, Seed, apart, digits_of

END = ">"
"""What parts a string from its copy."""


def copying(
    *,
    documents: Count = 1000,
    held_out: Count = 200,
    kind: Literal["copy", "reverse", "repeat"] = "copy",
    length: Count = 12,
    held_out_length: Count | None = None,
    symbols: Annotated[int, Ge(1), Le(10_000)] = 26,
    times: Annotated[int, Ge(1), Le(100)] = 2,
    seed: Seed = 0,
) -> Task:
    """A string of symbols that are drawn evenly, and what is to be made of it.

    No string occurs twice, and none that is held out is trained on.

    Args:
        documents: strings to train on.
        held_out: strings to be judged on.
        kind: once more, backwards, or `times` times.
        length: symbols a string.
        held_out_length: the same for what is held out; None for `length`.
        symbols: how many different ones there are, one character each.
        times: how often `repeat` repeats.
        seed: of the strings.

    Returns:
        The task. Metadata: `string`. Known: `entropy`, nats of a held-out string; `chance`, what
        the best answer scores that does not read it.

    Raises:
        BadSetting: settings outside their bounds, or more documents than there are strings.

    Example:
        >>> task = copying(documents=1, held_out=1, kind="reverse", length=5, symbols=10)
        >>> task.prompts, task.answers
        (('26058>',), ('85062',))

    References:
        Graves et al., Neural Turing Machines, 2014. arXiv:1410.5401; Jelassi et al., Repeat After
        Me: Transformers Are Better Than State Space Models at Copying, 2024. arXiv:2402.01032.
    """
    checked(copying, locals())
    rng, names = np.random.default_rng(seed), named(symbols)
    asked = length if held_out_length is None else held_out_length
    if asked == length:
        trained, kept = apart("copying", symbols**length, documents, held_out, rng)
    else:
        trained, _ = apart("copying", symbols**length, documents, 0, rng)
        _, kept = apart("copying", symbols**asked, 0, held_out, rng)

    def rows(numbers: Iterable[int], size: int) -> Iterator[Row]:
        for number in numbers:
            string = "".join(names[place] for place in digits_of(number, [symbols] * size))
            made = {"copy": string, "reverse": string[::-1], "repeat": string * times}[kind]
            yield string + END, made, {"string": string}

    train = corpus("copying", TRAIN, rows(trained, length))
    held = corpus("copying", HELD_OUT, rows(kept, asked))
    entropy = asked * math.log(symbols)
    return Task("copying", train, held, {"entropy": entropy, "chance": math.exp(-entropy)}, exact)
