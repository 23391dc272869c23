"""What models are asked in a study beside plain text: one half to tune by, one for verdicts."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, TypeVar

import numpy as np

from likely.core.errors import BadInput, Unsupported
from likely.data.corpus import Corpus
from likely.data.plant import Planted, plant
from likely.data.task import Task
from likely.models._fingerprint import fingerprint
from likely.models.load import load
from likely.models.reader import Reader
from likely.train._material_check import task_of
from likely.train._references import references_in
from likely.train.exam import Asked
from likely.train.study_material import StudyMaterial

Part = Literal["tuning", "test"]
PARTS: tuple[Part, Part] = ("tuning", "test")
Thing = TypeVar("Thing")


@dataclass(frozen=True, eq=False)
class Questions:
    """What one part of a study asks.

    Args:
        planted: passages that stood in the training text.
        task: questions whose answers can be judged.
        referenced: prompts with reference answers.
    """

    planted: tuple[Planted, ...] = ()
    task: Task | None = None
    referenced: Asked | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind there are, where there are any."""
        found = {
            "planted": len(self.planted),
            "task": len(self.task.held_out) if self.task else 0,
            "referenced": len(self.referenced.prompts) if self.referenced else 0,
        }
        return {name: count for name, count in found.items() if count}


def with_material(
    train: Corpus, material: StudyMaterial
) -> tuple[Corpus, Mapping[Part, Questions]]:
    """Put what is to be learned into the training text, and halve what is asked about it.

    Args:
        train: the training part of a text that has been split.
        material: of the study.

    Returns:
        The text to train on, and the questions of each part.

    Raises:
        BadInput: references that cannot be read, or a text without words to make passages of.
    """
    planted: tuple[Planted, ...] = ()
    if material.planted:
        train, planted = plant(
            train,
            passages=material.planted,
            repeats=material.repeats,
            length=material.length,
        )
    tasks: tuple[Task | None, ...] = (None, None)
    if material.task:
        task = task_of(material.task)
        tasks = tuple(
            Task(task.name, task.train, Corpus(task.held_out.name, half), judge=task.judge)
            for half in halves(task.held_out.documents)
        )
        learned = tuple(replace(one, id=f"{task.name}:{one.id}") for one in task.train)
        train = Corpus(train.name, (*train.documents, *learned), train.skipped)
    asked: tuple[Asked | None, ...] = (None, None)
    if material.references:
        pairs = halves(list(references_in(material.references).items()))
        asked = tuple(Asked(*zip(*half, strict=True)) for half in pairs)
    # Every other passage, so that both parts have some of each number of repeats.
    return train, {
        part: Questions(planted[at::2], tasks[at], asked[at]) for at, part in enumerate(PARTS)
    }


def halves(things: Sequence[Thing]) -> tuple[tuple[Thing, ...], tuple[Thing, ...]]:
    """Two halves that were drawn, since neighbours may be alike.

    Args:
        things: what to halve.

    Returns:
        For tuning and for verdicts, each in the order that it had.

    Example:
        >>> halves("abcde")
        (('b', 'c', 'd'), ('a', 'e'))
    """
    order = np.random.default_rng(0).permutation(len(things))
    one, other = (tuple(things[at] for at in sorted(order[first::2])) for first in (0, 1))
    return one, other


@lru_cache(maxsize=1)
def features_of(folder: str) -> tuple[Reader, str]:
    """The model whose hidden states compare texts; the last one is remembered.

    Args:
        folder: as for `likely.models.load.load`.

    Returns:
        The model, and a hash of its weights.

    Raises:
        BadInput: there is no model there.
        Unsupported: it has no hidden states.
    """
    try:
        reader = load(folder)
    except BadInput as problem:
        raise BadInput(f"material.features: {problem}") from problem
    if not reader.has_head:
        raise Unsupported(
            f"material.features: {folder} is a model of kind {reader.kind!r}, which has no hidden "
            "states to compare texts by: give a transformer."
        )
    return reader, fingerprint(reader)


def key_of(material: StudyMaterial, questions: Mapping[Part, Questions]) -> str:
    """Changes with what was read from files: references, and the model for features.

    What is planted and trained on is part of the text, and settings are part of the study.

    Args:
        material: of the study.
        questions: what was made of it.

    Returns:
        Digits; empty where no file was read.
    """
    said = [repr(questions[part].referenced) for part in PARTS if material.references]
    said += [features_of(material.features)[1]] if material.features else []
    return hashlib.sha256("\n".join(said).encode()).hexdigest() if said else ""


def key_of_parts(fingerprints: Iterable[str], files: str) -> str:
    """The key of a study's data, which its folder is held to.

    Args:
        fingerprints: of the parts.
        files: what `key_of` gave.

    Returns:
        Changes with any token of any part, and with what material read from files.
    """
    return hashlib.sha256(("".join(fingerprints) + files).encode()).hexdigest()[:16]


def counts_of(questions: Mapping[Part, Questions]) -> dict[str, Any]:
    """How many questions the parts ask, as an entry of a study's sizes.

    Args:
        questions: by part.

    Returns:
        `questions`, by part and kind; nothing where nothing is asked.
    """
    asked = {part: one.counts for part, one in questions.items() if one.counts}
    return {"questions": asked} if asked else {}
