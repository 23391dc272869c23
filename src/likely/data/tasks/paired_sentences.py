"""Paired sentences: a right one and one that differs from it in what makes it wrong."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from likely.core.errors import ShapeError
from likely.core.settings import checked
from likely.data.task import Task, exact
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, corpus
from likely.data.tasks._draw import Count, Seed, apart, digits_of, distinct
from likely.data.tasks._words import word, words_of

_PREPOSITIONS, _VERBS, _ADJECTIVES = 4, 8, 6


def paired_sentences(
    *,
    documents: Count = 1000,
    held_out: Count = 200,
    kind: Literal["agreement", "translation"] = "agreement",
    nouns: Annotated[int, Ge(2), Le(1000)] = 20,
    distance: Annotated[int, Ge(0), Le(8)] = 1,
    seed: Seed = 0,
) -> Task:
    r"""Minimal pairs of a toy language: which of two ends does a model find likelier?

    $$ \text{share of pairs with } \log p(\text{chosen}) > \log p(\text{rejected}) $$

    `agreement`: a noun ends in `a` for one and in `i` for many, its verb in `o` and `u`; between
    them stand `distance` other nouns, each one or many at random. Rejected is the verb with the
    other ending. `translation`: a sentence (subject with `distance` adjectives, verb, object) and,
    behind `>`, its translation, with words of another language in another order (subject,
    adjectives, object, verb). Rejected is the translation with subject and object exchanged.

    Both ends have the same length, and over all pairs the same words, so that neither length nor
    frequency tells them apart. Training text is right sentences alone; a held-out prompt is never
    trained on.

    Args:
        documents: right sentences to train on.
        held_out: pairs to be judged on.
        kind: what is paired.
        nouns: how many nouns the language has.
        distance: nouns between subject and verb, or adjectives of the subject.
        seed: of the words and the sentences.

    Returns:
        The task. Metadata: `chosen`, which is `answer`, and `rejected`, both to be read behind
        `prompt`. `preferred` of this module gives the share of pairs that a model gets right.
        Known: `chance`, a half; for `agreement` also `nearest_noun`, what a model scores that
        lets the verb follow the noun before it.

    Raises:
        BadSetting: settings outside their bounds, or more documents than there are sentences.

    Example:
        >>> task = paired_sentences(documents=1, held_out=1)
        >>> first = task.held_out.documents[0].metadata
        >>> first["prompt"], first["chosen"], first["rejected"]
        ('paputi wuci laduti ', 'bixumu.', 'bixumo.')
        >>> preferred([-4.0, -9.0], [-5.0, -8.0])
        0.5

    References:
        Warstadt et al., BLiMP: The Benchmark of Linguistic Minimal Pairs, 2019. arXiv:1912.00582;
        Linzen et al., Assessing the Ability of LSTMs to Learn Syntax-Sensitive Dependencies, 2016.
        arXiv:1611.01368; Gulordava et al., Colorless Green Recurrent Networks Dream
        Hierarchically, 2018. arXiv:1803.11138.
    """
    checked(paired_sentences, locals())
    rng = np.random.default_rng(seed)
    make, radices = (_agreement if kind == "agreement" else _translation)(nouns, distance, rng)
    parts = apart("paired_sentences", math.prod(radices), documents, held_out, rng)

    def rows(numbers: Iterable[int]) -> Iterator[Row]:
        for number in numbers:
            prompt, chosen, rejected = make(digits_of(number, radices))
            yield prompt, chosen, {"chosen": chosen, "rejected": rejected}

    train, held = (
        corpus("paired_sentences", part, rows(numbers))
        for part, numbers in zip((TRAIN, HELD_OUT), parts, strict=True)
    )
    known = {"chance": 0.5}
    if kind == "agreement":
        known["nearest_noun"] = 0.5 if distance else 1.0
    return Task("paired_sentences", train, held, known, exact)


def preferred(
    chosen: Sequence[float] | NDArray[np.float64], rejected: Sequence[float] | NDArray[np.float64]
) -> float:
    """The share of pairs in which the right one is the likelier one.

    Args:
        chosen: log probabilities of the right ones, in the order of the pairs.
        rejected: those of the wrong ones.

    Returns:
        0 … 1; a tie counts half.

    Raises:
        ShapeError: not one of each a pair.
    """
    right, wrong = np.asarray(chosen, np.float64), np.asarray(rejected, np.float64)
    if right.shape != wrong.shape or right.ndim != 1 or not len(right):
        raise ShapeError(
            f"preferred: {right.shape} and {wrong.shape} log probabilities were given; give one "
            "of each a pair, in the same order."
        )
    return float(((right > wrong) + 0.5 * (right == wrong)).mean())


Make = Callable[[Sequence[int]], tuple[str, str, str]]


def _agreement(nouns: int, distance: int, rng: np.random.Generator) -> tuple[Make, list[int]]:
    drawn = _words(nouns + _PREPOSITIONS + _VERBS, rng)
    things, rest = [f"{one}t" for one in drawn[:nouns]], drawn[nouns:]
    between, verbs = rest[:_PREPOSITIONS], [f"{one}m" for one in rest[_PREPOSITIONS:]]

    def make(digits: Sequence[int]) -> tuple[str, str, str]:
        many, subject = digits[:2]
        said = [things[subject] + "ai"[many]]
        for place in range(distance):
            preposition, others, noun = digits[2 + 3 * place : 5 + 3 * place]
            said += [between[preposition], things[noun] + "ai"[others]]
        verb = verbs[int(rng.integers(_VERBS))]
        return f"{' '.join(said)} ", f"{verb}{'ou'[many]}.", f"{verb}{'ou'[1 - many]}."

    return make, [2, nouns, *[_PREPOSITIONS, 2, nouns] * distance]


def _translation(nouns: int, distance: int, rng: np.random.Generator) -> tuple[Make, list[int]]:
    count = nouns + _VERBS + _ADJECTIVES
    drawn = _words(2 * count, rng)
    here, there = drawn[:count], drawn[count:]

    def make(digits: Sequence[int]) -> tuple[str, str, str]:
        verb, subject, step, *described = digits
        thing = (subject + 1 + step) % nouns  # Another noun, or exchanging would change nothing.
        verb, described = nouns + verb, [nouns + _VERBS + place for place in described]
        said = [here[place] for place in (*described, subject, verb, thing)]
        right = [there[place] for place in (subject, *described, thing, verb)]
        wrong = [there[place] for place in (thing, *described, subject, verb)]
        return f"{' '.join(said)} > ", f"{' '.join(right)}.", f"{' '.join(wrong)}."

    return make, [_VERBS, nouns, nouns - 1, *[_ADJECTIVES] * distance]


def _words(count: int, rng: np.random.Generator) -> list[str]:
    return [word(number) for number in distinct(words_of(2), count, rng)]
