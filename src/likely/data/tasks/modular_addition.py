"""Modular addition: all sums of two numbers on a circle."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from likely.core.settings import checked
from likely.data.task import Task, exact
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, corpus, symbols
from likely.data.tasks._draw import Seed

Pair = tuple[int, int]


def modular_addition(
    *,
    p: Annotated[int, Ge(2), Le(1000)] = 97,
    share: Annotated[float, Gt(0), Lt(1)] = 0.5,
    mirrored: bool = True,
    written: Literal["characters", "numbers"] = "characters",
    seed: Seed = 0,
) -> Task:
    r"""All p² sums a + b mod p, split at random: the task on which grokking was seen.

    $$ c = (a + b) \bmod p $$

    Args:
        p: how many numbers there are, prime or not.
        share: of the pairs, what is trained on; the rest is held out.
        mirrored: whether b + a may be trained on where a + b is held out, as in the paper. If not,
            pairs are split together with their mirror image, and the share can be off by one pair.
        written: one character a number, or decimal numbers.
        seed: of the split and the order.

    Returns:
        The task. Metadata: `a`, `b`, `value`. Known: `problems`, p²; `chance`, 1/p: every result
        has p pairs.

    Raises:
        BadSetting: settings outside their bounds.

    Example:
        >>> task = modular_addition(p=5, share=0.8)
        >>> len(task.train), len(task.held_out), task.train.documents[0].text
        (20, 5, '3+4=2')

    References:
        Power et al., Grokking: Generalization Beyond Overfitting on Small Algorithmic Datasets,
        2022. arXiv:2201.02177; Nanda et al., Progress Measures for Grokking via Mechanistic
        Interpretability, 2023. arXiv:2301.05217.
    """
    checked(modular_addition, locals())
    count = min(max(round(share * p * p), 1), p * p - 1)
    pairs = _order(p, mirrored, np.random.default_rng(seed))
    if not mirrored:  # A pair and its image stand side by side: do not cut between them.
        count += int(pairs[count - 1] == pairs[count][::-1])
        count -= 2 * int(count == p * p)
    names = symbols(p) if written == "characters" else [str(number) for number in range(p)]

    def rows(chosen: Iterable[Pair]) -> Iterator[Row]:
        for a, b in chosen:
            value = (a + b) % p
            known = {"a": a, "b": b, "value": value}
            yield f"{names[a]}+{names[b]}=", names[value], known

    train = corpus("modular_addition", TRAIN, rows(pairs[:count]))
    held = corpus("modular_addition", HELD_OUT, rows(pairs[count:]))
    known = {"problems": float(p * p), "chance": 1 / p}
    return Task("modular_addition", train, held, known, exact)


def _order(p: int, mirrored: bool, rng: np.random.Generator) -> list[Pair]:
    """All pairs in random order, or with each pair followed by its mirror image."""
    every = [(a, b) for a in range(p) for b in range(p) if mirrored or a <= b]
    shuffled = [every[place] for place in rng.permutation(len(every)).tolist()]
    if mirrored:
        return shuffled
    return [one for a, b in shuffled for one in dict.fromkeys(((a, b), (b, a)))]
