"""The examples of a study in three parts that share no prompt: training, tuning, test."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Any

from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.example import Example
from likely.data.examples import Examples, encode_examples
from likely.train._examples import fingerprint, parts_of, read_all
from likely.train._reading import vocabulary_for
from likely.train._study_questions import (
    Part,
    Questions,
    counts_of,
    key_of,
    key_of_parts,
    with_material,
)
from likely.train.exam import Exam
from likely.train.recipe import Recipe
from likely.train.study_material import StudyMaterial

Split = tuple[tuple[Example, ...], tuple[Example, ...], tuple[Example, ...]]


@dataclass(frozen=True, eq=False)
class StudyExamples:
    """What one vocabulary makes of the examples of a study.

    Args:
        train: to train on.
        tuning: to choose settings by, and for nothing else.
        test: for verdicts, and for nothing else.
        questions: what else models are asked, by part.
        files: changes with what material read from files.
    """

    train: Examples
    tuning: Examples
    test: Examples
    questions: Mapping[Part, Questions]
    files: str = ""

    @property
    def given(self) -> Mapping[str, Any]:
        """What a training reads, as `likely.train.loop.run` takes it."""
        return {"examples": self.train}

    @property
    def key(self) -> str:
        """Changes with any token of any part, and with what material read from files."""
        return key_of_parts(map(fingerprint, (self.train, self.tuning, self.test)), self.files)

    def exam(self, part: Part) -> Exam:
        """What models are judged on.

        Args:
            part: to tune by, or for verdicts.

        Returns:
            An exam of answers.
        """
        answers = self.tuning if part == "tuning" else self.test
        return Exam(answers=answers, referenced=self.questions[part].referenced)

    @property
    def sizes(self) -> dict[str, Any]:
        """Examples, tokens and bytes of answers of the parts, how many questions, and the key."""
        parts = {"training": self.train, "tuning": self.tuning, "test": self.test}
        said = {
            name: {
                "examples": len(part),
                "tokens": len(part.ids),
                "bytes": int(part.byte_lengths.sum()),
            }
            for name, part in parts.items()
        }
        asked = counts_of(self.questions)
        return {**said, **asked, "fingerprint": self.key, "cut": False}


def study_examples(
    recipe: Recipe, share: float, held_out: float, material: StudyMaterial | None = None
) -> StudyExamples:
    """Read, split and encode what a recipe names; remembered by a process that trains it again.

    The split depends on the prompts alone, not on a seed: every arm, trial and seed has the same
    one, and all examples of a prompt are in one part.

    Args:
        recipe: names the examples, their vocabulary and the length of a row.
        share: of the prompts, for tuning.
        held_out: share of the prompts, for verdicts.
        material: what there is beside the examples: references, or None for nothing.

    Returns:
        The parts.

    Raises:
        BadInput: too few prompts for three parts; material that is not there.
    """
    about = (recipe.data, recipe.on_error, share, held_out)
    given = (recipe.start, recipe.tokenizer, recipe.length)
    return _encoded(about, material or StudyMaterial(), given)


@lru_cache(maxsize=1)
def _parts(about: tuple[Any, ...]) -> Split:
    data, on_error, share, held_out = about
    found = read_all(Recipe(data=data, on_error=on_error))
    # What has no prompt, such as plain text, is kept apart by what it says.
    keys = [repr(example.prompt or example.answers) for example in found]
    parts = parts_of(keys, (share, held_out)).tolist()
    if len(set(parts)) < 3:
        raise BadInput(
            f"These {len(found)} examples have {len(set(keys))} different prompts, too few to "
            f"train, to tune and to test on: give {ceil(1 / min(share, held_out))} at least."
        )
    train, tuning, test = (
        tuple(example for example, part in zip(found, parts, strict=True) if part == wanted)
        for wanted in range(3)
    )
    return train, tuning, test


@lru_cache(maxsize=2)
def _encoded(
    about: tuple[Any, ...], material: StudyMaterial, given: tuple[str, str, int]
) -> StudyExamples:
    start, tokenizer, length = given
    vocabulary: Vocabulary = vocabulary_for(Recipe(kind="adapt", start=start, tokenizer=tokenizer))
    train, tuning, test = (
        encode_examples(part, vocabulary, length=length) for part in _parts(about)
    )
    _, questions = with_material(Corpus("none", ()), material)
    return StudyExamples(train, tuning, test, questions, key_of(material, questions))
