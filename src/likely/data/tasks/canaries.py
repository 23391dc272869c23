"""Canaries: random numbers planted in training text, and how exposed a model leaves them."""

import math
from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from likely.core.errors import BadSetting, ShapeError
from likely.core.settings import checked
from likely.data.task import Task, exact
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, corpus
from likely.data.tasks._draw import Count, Seed, distinct
from likely.data.tasks._words import filler, listed, word, words_of


def canaries(
    *,
    documents: Count = 1000,
    held_out: Count = 20,
    repeats: tuple[Annotated[int, Ge(0)], ...] = (0, 1, 4, 16),
    digits: Annotated[int, Ge(1), Le(9)] = 4,
    words: Count = 12,
    seed: Seed = 0,
) -> Task:
    r"""Sentences with a secret number, each planted a known number of times among other text.

    $$ \text{exposure} = \log_2 |R| - \log_2 \operatorname{rank}(\text{secret}) $$

    A canary reads `The number of NAME is 1234`; names differ and numbers are drawn evenly and
    independently from all R of 10^digits. Each is held out as a question, and stands in training as
    often as its turn in `repeats` says, 0 for a control: that it was trained on is the point. All
    other training documents are words in random order. Score a model by `exposure` of this module,
    from its log probabilities of all `candidates`; the judge only says whether the number itself
    was written.

    Args:
        documents: how many of other text; the copies of canaries come on top of them.
        held_out: how many canaries there are.
        repeats: how often they stand in training, taken in turn.
        digits: of a number.
        words: of every other document.
        seed: of what is drawn.

    Returns:
        The task. Metadata of a canary: `repeats`, `secret` (its place among the candidates); of
        other text: nothing more. Known: `bits`, log₂ R, the exposure of what is known by heart;
        `unseen`, the mean exposure where all ranks are equally likely; `chance`, 1/R.

    Raises:
        BadSetting: settings outside their bounds, no repeats, or more canaries than names.

    Example:
        >>> task = canaries(documents=9, held_out=2, repeats=(0, 3), digits=2)
        >>> task.prompts, task.answers
        (('The number of hajaxi is ', 'The number of sesano is '), ('51', '26'))
        >>> [(c.metadata["secret"], c.metadata["repeats"]) for c in task.held_out]
        [(51, 0), (26, 3)]
        >>> round(task.known["bits"], 2), round(task.known["unseen"], 2)
        (6.64, 1.4)

    References:
        Carlini et al., The Secret Sharer: Evaluating and Testing Unintended Memorization in Neural
        Networks, 2019. arXiv:1802.08232.
    """
    checked(canaries, locals())
    times = [repeats[place % len(repeats)] for place in range(held_out)] if repeats else []
    _possible(held_out, repeats)
    rng, space = np.random.default_rng(seed), 10**digits
    names = [word(number, 3) for number in distinct(words_of(3), held_out, rng)]
    secrets = rng.integers(space, size=held_out).tolist()
    planted: list[Row] = [
        (f"The number of {n} is ", f"{s:0{digits}}", {"repeats": t, "secret": s})
        for n, s, t in zip(names, secrets, times, strict=True)
    ]

    def rows() -> Iterator[Row]:
        copies = [row for row in planted for _ in range(row[2]["repeats"])]
        for place in rng.permutation(documents + len(copies)).tolist():
            if place < len(copies):
                yield copies[place]
            else:
                yield "", listed(filler(words, rng)), {}

    train = corpus("canaries", TRAIN, rows())
    held = corpus("canaries", HELD_OUT, planted)
    known = {"bits": math.log2(space), "unseen": _unseen(space), "chance": 1 / space}
    return Task("canaries", train, held, known, exact)


def candidates(digits: int) -> Iterator[str]:
    """Every number that a secret could have been, in order.

    Args:
        digits: of a number.

    Yields:
        Its digits.

    Example:
        >>> list(candidates(1))[-2:]
        ['8', '9']
    """
    return (f"{number:0{digits}}" for number in range(10**digits))


def exposure(log_probs: Sequence[float] | NDArray[np.float64], secret: int) -> float:
    """How much likelier a secret is found than by trying candidates in random order, in bits.

    Args:
        log_probs: of every candidate behind the prompt of the canary, in the order of `candidates`.
        secret: the place of the right one.

    Returns:
        log₂ of the number of candidates over the rank of the secret; of equally likely candidates
        the secret takes the middle rank.

    Raises:
        ShapeError: there is no such candidate.

    Example:
        >>> exposure([-3.0, -1.0, -2.0, -9.0], 1), exposure([-3.0, -1.0, -2.0, -9.0], 2)
        (2.0, 1.0)
    """
    values = np.asarray(log_probs, np.float64)
    if values.ndim != 1 or not 0 <= secret < len(values):
        raise ShapeError(
            f"exposure: the secret {secret} is none of {values.shape} candidates; give one log "
            "probability a candidate, and the place of the secret among them."
        )
    above, equal = (values > values[secret]).sum(), (values == values[secret]).sum()
    return float(math.log2(len(values)) - math.log2(above + (equal + 1) / 2))


def _unseen(space: int) -> float:
    """Mean of log₂ R − log₂ rank over all ranks."""
    return math.log2(space) - math.lgamma(space + 1) / math.log(2) / space


def _possible(held_out: int, repeats: tuple[int, ...]) -> None:
    problems = [] if repeats else ["repeats=() should hold at least one number, such as 0."]
    if held_out > words_of(3):
        problems.append(f"held_out={held_out} should be at most {words_of(3)}.")
    if problems:
        raise BadSetting("canaries", problems)
