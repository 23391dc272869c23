"""Facts: biographies of people who do not exist, and questions about them."""

import math
from collections.abc import Iterator
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.data.task import Task, exact
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, corpus
from likely.data.tasks._draw import Count, Seed, distinct
from likely.data.tasks._words import word, words_of

RELATIONS = {
    "birthplace": ("{} was born in", "The birthplace of {} is", "{} is a native of"),
    "university": ("{} studied at", "The university of {} is", "{} holds a degree from"),
    "employer": ("{} works for", "The employer of {} is", "{} is employed by"),
    "field": ("{} is an expert in", "The field of {} is", "{} wrote a book on"),
    "home": ("{} lives in", "The home of {} is", "{} has a house in"),
    "instrument": ("{} plays the", "The instrument of {} is", "{} gives lessons in"),
}
"""What can be known of a person, and how it is said."""


def facts(
    *,
    documents: Count = 400,
    held_out: Count = 100,
    people: Count = 100,
    relations: Annotated[int, Ge(1), Le(6)] = 3,
    values: Annotated[int, Ge(2), Le(10_000)] = 50,
    phrasings: Annotated[int, Ge(1), Le(3)] = 3,
    seed: Seed = 0,
) -> Task:
    r"""Biographies in several phrasings, and questions about trained facts in another phrasing.

    $$ \text{bits} = \text{people} \cdot \text{relations} \cdot \log_2 \text{values} $$

    A training document is a biography: all facts of one person, a sentence each, in random order
    and in phrasings drawn anew; people take turns. Of each fact of each person one phrasing, drawn
    at random, never occurs in training, and that is how it is asked: the fact was trained, this
    sentence was not, and of other people facts were said so. Values are drawn evenly and
    independently, so nothing but memory answers.

    Args:
        documents: biographies to train on, at least one a person.
        held_out: questions, at most one a fact.
        people: how many people there are.
        relations: facts a person, one or many.
        values: how many values each relation can have.
        phrasings: ways to say a fact; with 1 the question is a sentence of the training text.
        seed: of names, values and texts.

    Returns:
        The task. Metadata of a biography: `person` and its `facts`; of a question: `person`,
        `relation`, `value`. Known: `facts`, how many; `bits` that answering all of them takes, once
        names are known; `chance`, 1/values.

    Raises:
        BadSetting: settings outside their bounds, fewer biographies than people, or more questions
            than facts.

    Example:
        >>> task = facts(documents=1, held_out=1, people=1, relations=2)
        >>> task.train.documents[0].text
        'Futi Xeco studied at Hisobu. The birthplace of Futi Xeco is Buhope.'
        >>> task.prompts, task.answers
        (('Futi Xeco holds a degree from ',), ('Hisobu',))

    References:
        Allen-Zhu and Li, Physics of Language Models: Part 3.1, Knowledge Storage and Extraction,
        2023. arXiv:2309.14316; Allen-Zhu and Li, Physics of Language Models: Part 3.3, Knowledge
        Capacity Scaling Laws, 2024. arXiv:2404.05405.
    """
    checked(facts, locals())
    _possible(documents, held_out, people, relations)
    rng = np.random.default_rng(seed)
    kinds = tuple(RELATIONS)[:relations]
    names = _names(people, rng)
    pools = [word(number, 3) for number in distinct(words_of(3), values * relations, rng)]
    drawn = rng.integers(values, size=(people, relations)).tolist()
    known = [
        {kind: pools[i * values + row[i]].capitalize() for i, kind in enumerate(kinds)}
        for row in drawn
    ]
    barred = rng.integers(phrasings, size=(people, relations)).tolist()

    def biographies() -> Iterator[Row]:
        for number in range(documents):
            one, said = number % people, []
            for place in rng.permutation(relations).tolist():
                way = int(rng.integers(max(1, phrasings - 1)))
                way += int(phrasings > 1 and way >= barred[one][place])
                begin = RELATIONS[kinds[place]][way].format(names[one])
                said.append(f"{begin} {known[one][kinds[place]]}.")
            yield "", " ".join(said), {"person": names[one], "facts": known[one]}

    def questions() -> Iterator[Row]:
        for number in distinct(people * relations, held_out, rng):
            one, place = divmod(number, relations)
            value = known[one][kinds[place]]
            begin = RELATIONS[kinds[place]][barred[one][place]].format(names[one])
            about = {"person": names[one], "relation": kinds[place], "value": value}
            yield f"{begin} ", value, about

    train = corpus("facts", TRAIN, biographies())
    held = corpus("facts", HELD_OUT, questions())
    total = people * relations
    theory = {"facts": float(total), "bits": total * math.log2(values), "chance": 1 / values}
    return Task("facts", train, held, theory, exact)


def _possible(documents: int, held_out: int, people: int, relations: int) -> None:
    problems = []
    if documents < people:
        problems.append(
            f"documents={documents} should be at least people={people}: everybody asked about has "
            "a biography."
        )
    if held_out > people * relations:
        problems.append(
            f"held_out={held_out} should be at most {people * relations}: so many facts there are."
        )
    if people > words_of(2) ** 2:
        problems.append(f"people={people} should be at most {words_of(2) ** 2}.")
    if problems:
        raise BadSetting("facts", problems)


def _names(people: int, rng: np.random.Generator) -> list[str]:
    """Given names and family names; no two people share both."""
    pairs = (divmod(number, words_of(2)) for number in distinct(words_of(2) ** 2, people, rng))
    return [f"{word(given).capitalize()} {word(family).capitalize()}" for given, family in pairs]
