"""Multiple choice: a question, several answers to it, one of them right."""

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

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def multiple_choice(
    *,
    documents: Count = 1000,
    held_out: Count = 200,
    options: Annotated[int, Ge(2), Le(26)] = 4,
    numbers: Annotated[int, Ge(2), Le(10_000)] = 50,
    seed: Seed = 0,
) -> Task:
    r"""Which of some numbers is the sum of two others, on a circle of `numbers` numbers.

    $$ P(\text{option } i \text{ is right} \mid \text{all options}) = \frac{1}{\text{options}} $$

    The right number is even over the circle, the wrong ones are drawn evenly from the rest, and the
    place of the right one is drawn evenly too. So whoever reads the options and not the question
    knows nothing: every set of options is equally likely with every place being right. All numbers
    have the same width. A held-out question is not trained on, nor are its two numbers exchanged.

    Args:
        documents: questions to train on.
        held_out: questions to be judged on.
        options: how many answers are offered.
        numbers: how many numbers there are, at least as many as options.
        seed: of what is drawn.

    Returns:
        The task; the answer is the letter of an option. Metadata: `question`, `options`, `index`
        of the right one. Known: `chance`; `entropy_rate`, nats of an answer without the question.

    Raises:
        BadSetting: settings outside their bounds, more options than numbers, or more documents
            than there are questions.

    Example:
        >>> task = multiple_choice(documents=1, held_out=1, options=3, numbers=20)
        >>> print(task.held_out.documents[0].text)
        17+00 mod 20?
        A) 17
        B) 18
        C) 02
        Answer: A

    References:
        Robinson et al., Leveraging Large Language Models for Multiple Choice Question Answering,
        2022. arXiv:2210.12353; Balepur et al., Artifacts or Abduction: How Do LLMs Answer
        Multiple-Choice Questions Without the Question?, 2024. arXiv:2402.12483.
    """
    checked(multiple_choice, locals())
    if options > numbers:
        raise BadSetting(
            "multiple_choice", [f"options={options} should be at most numbers={numbers}."]
        )
    rng, width = np.random.default_rng(seed), len(str(numbers - 1))
    parts = apart(
        "multiple_choice",
        numbers**2,
        documents,
        held_out,
        rng,
        lambda number: tuple(sorted(divmod(number, numbers))),
        twins=2,
    )

    def rows(chosen: Iterable[int]) -> Iterator[Row]:
        for a, b in (divmod(number, numbers) for number in chosen):
            right, index = (a + b) % numbers, int(rng.integers(options))
            # Steps around the circle, so that a wrong number is never the right one.
            steps = distinct(numbers - 1, options - 1, rng)
            offered = [(right + 1 + step) % numbers for step in steps]
            offered.insert(index, right)
            shown = tuple(f"{number:0{width}}" for number in offered)
            question = f"{a:0{width}}+{b:0{width}} mod {numbers}"
            lines = "".join(f"{_LETTERS[i]}) {one}\n" for i, one in enumerate(shown))
            known = {"question": question, "options": shown, "index": index}
            yield f"{question}?\n{lines}Answer: ", _LETTERS[index], known

    train, held = (
        corpus("multiple_choice", part, rows(chosen))
        for part, chosen in zip((TRAIN, HELD_OUT), parts, strict=True)
    )
    known = {"chance": 1 / options, "entropy_rate": math.log(options)}
    return Task("multiple_choice", train, held, known, exact)
