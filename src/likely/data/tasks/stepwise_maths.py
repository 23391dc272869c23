"""Stepwise maths: calculations written out step by step, with mistakes that are taken back."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le

from likely.core.settings import checked
from likely.data.corpus import Document
from likely.data.task import Task
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, corpus
from likely.data.tasks._draw import Count, Seed, apart, digits_of

BACK = "<"
"""Takes back what was begun since the last semicolon: the `[BACK]` of the paper."""

_NAMES = "abcdefghijklmnopqrstuvwxyz"
_SIGNS = "+-*"


def stepwise_maths(
    *,
    documents: Count = 1000,
    held_out: Count = 200,
    steps: Annotated[int, Ge(2), Le(26)] = 4,
    modulus: Annotated[int, Ge(2), Le(1000)] = 10,
    mistakes: Annotated[float, Ge(0), Le(0.9)] = 0.0,
    mistake: Literal["value", "order"] = "value",
    seed: Seed = 0,
) -> Task:
    """Definitions in random order, and the calculation of the last one, a step each.

    Every step needs the one before it, so that there is one right order. Training text has mistakes
    that are taken back, held-out answers have none: with probability `mistakes` a step is preceded
    by a wrong one and the sign `<`, after which there may be another, as in the paper. A mistake is
    a wrong value, or, as in the paper, a name whose turn has not come (the last step then has
    none). What is held out is never trained on under other names or in another order either.

    Args:
        documents: calculations to train on.
        held_out: calculations to be judged on, without mistakes.
        steps: definitions, and steps of the calculation.
        modulus: all values are taken modulo this number; 10 for values of one character.
        mistakes: how often a mistake is made where one can be made.
        mistake: a wrong `value`, or a name out of `order`.
        seed: of what is drawn.

    Returns:
        The task; the judge looks at the last step alone, what was taken back does not count, and
        `steps_right` of this module looks at every step. Metadata: `asked` (a name), `value`,
        `steps` (all of them, as they should be), `mistakes` (where in the text each begins, and
        where it ends with its sign). Known: `chance`, what the best single result scores on the
        held-out part; `mistakes_expected`, a training document.

    Raises:
        BadSetting: settings outside their bounds, or more documents than there are calculations.

    Example:
        >>> task = stepwise_maths(documents=1, held_out=1, steps=3, mistakes=0.6, seed=2)
        >>> task.train.documents[0].metadata["answer"]
        'y=9<y=0<y=5<y=8;p=8-4=3<p=8-4=4;i=4+3=3<i=4+3=4<i=4+3=6<i=4+3=7'
        >>> print(task.held_out.documents[0].text)
        w=c+h;h=0;c=h*1?w
        h=0;c=0*1=0;w=0+0=0
        >>> task.score([task.answers[0].replace(";", ";z=9<")])
        array([1.])

    References:
        Ye et al., Physics of Language Models: Part 2.2, How to Learn From Mistakes on Grade-School
        Math Problems, 2024. arXiv:2408.16293.
    """
    checked(stepwise_maths, locals())
    rng = np.random.default_rng(seed)
    radices = [modulus]
    for step in range(1, steps):
        radices += [len(_SIGNS), modulus + step]
    parts = apart("stepwise_maths", math.prod(radices), documents, held_out, rng)

    def rows(numbers: Iterable[int], rate: float) -> Iterator[Row]:
        for number in numbers:
            names = "".join(_NAMES[place] for place in rng.permutation(26)[:steps])
            one = _calculation(digits_of(number, radices), names, modulus)
            shown = [one.definitions[place] for place in rng.permutation(steps)]
            prompt = f"{';'.join(shown)}?{names[-1]}\n"
            answer, planted = _written(one, rate, mistake, modulus, rng)
            begin = len(prompt)
            known = {"asked": names[-1], "value": one.values[-1], "steps": one.steps}
            known["mistakes"] = tuple((begin + a, begin + b) for a, b in planted)
            yield prompt, answer, known

    train = corpus("stepwise_maths", TRAIN, rows(parts[0], mistakes))
    held = corpus("stepwise_maths", HELD_OUT, rows(parts[1], 0.0))
    places = steps if mistake == "value" else steps - 1
    known = {
        "chance": _best_result(held),
        "mistakes_expected": places * mistakes / (1 - mistakes),
    }
    return Task("stepwise_maths", train, held, known, _last_step)


@dataclass(frozen=True)
class _Calculation:
    names: str
    definitions: tuple[str, ...]
    steps: tuple[str, ...]
    values: tuple[int, ...]


def _calculation(digits: Sequence[int], names: str, modulus: int) -> _Calculation:
    values, definitions = [digits[0]], [f"{names[0]}={digits[0]}"]
    steps = list(definitions)
    for place, name in enumerate(names[1:], start=1):
        sign, other = _SIGNS[digits[2 * place - 1]], digits[2 * place]
        is_name = other >= modulus
        number = values[other - modulus] if is_name else other
        value = _value(values[-1], sign, number) % modulus
        second = names[other - modulus] if is_name else str(other)
        definitions.append(f"{name}={names[place - 1]}{sign}{second}")
        steps.append(f"{name}={values[-1]}{sign}{number}={value}")
        values.append(value)
    return _Calculation(names, tuple(definitions), tuple(steps), tuple(values))


def _value(a: int, sign: str, b: int) -> int:
    return {"+": a + b, "-": a - b, "*": a * b}[sign]


def _written(
    one: _Calculation,
    rate: float,
    mistake: Literal["value", "order"],
    modulus: int,
    rng: np.random.Generator,
) -> tuple[str, list[tuple[int, int]]]:
    """The steps with mistakes before them, and where the mistakes stand."""
    text, planted = "", []
    for place, step in enumerate(one.steps):
        text += ";" if place else ""
        later = one.names[place + 1 :]
        while (mistake == "value" or later) and rng.random() < rate:
            if mistake == "order":
                wrong = later[int(rng.integers(len(later)))]
            else:
                off = 1 + int(rng.integers(modulus - 1))
                wrong = f"{step.rpartition('=')[0]}={(one.values[place] + off) % modulus}"
            planted.append((len(text), len(text) + len(wrong) + 1))
            text += wrong + BACK
        text += step
    return text, planted


def steps_right(document: Document, answer: str) -> tuple[bool, ...]:
    """Check every step of an answer, not its last one alone.

    Args:
        document: of this task.
        answer: what was written; steps that were taken back do not count.

    Returns:
        For every step that is wanted or was written, whether the one is the other.

    Example:
        >>> task = stepwise_maths(documents=1, held_out=1, steps=2)
        >>> steps_right(task.held_out.documents[0], task.answers[0] + ";z=1")
        (True, True, False)
    """
    wanted, written = document.metadata["steps"], _kept(answer)
    pairs = zip(wanted, written, strict=False)
    surplus = abs(len(wanted) - len(written))
    return (*(a == b for a, b in pairs), *[False] * surplus)


def _kept(answer: str) -> list[str]:
    return [piece.rpartition(BACK)[2] for piece in answer.strip().split(";")]


def _last_step(document: Document, answer: str) -> float:
    name, _, rest = _kept(answer)[-1].partition("=")
    value = rest.rpartition("=")[2]
    return float(name == document.metadata["asked"] and value == str(document.metadata["value"]))


def _best_result(held: Iterable[Document]) -> float:
    results = Counter(document.metadata["value"] for document in held)
    return max(results.values()) / results.total()
