"""The text of a study in three parts that share no document: training, tuning, test."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from likely.core.errors import BadInput
from likely.data.corpus import Corpus
from likely.data.sample import shortened
from likely.data.split import Split
from likely.data.tokens import Tokens, encode
from likely.data.within import split_any
from likely.train._setup import fingerprint
from likely.train._study_questions import (
    Part,
    Questions,
    counts_of,
    key_of,
    key_of_parts,
    with_material,
)
from likely.train._texts import MOST_VALIDATION, read_data, vocabulary_of
from likely.train.exam import Exam
from likely.train.recipe import Recipe
from likely.train.study import Study
from likely.train.study_material import StudyMaterial

MOST_TEST = 262_144
"""Bytes of test text that trained models are judged on; of a longer one, a sample."""


@dataclass(frozen=True, eq=False)
class StudyText:
    """What one tokenizer makes of the text of a study.

    Args:
        train: to train on, with what material added.
        tuning: to choose settings by, and for nothing else.
        test: for verdicts, and for nothing else.
        cut: whether documents were cut, so that a part is a stretch of each.
        questions: what else models are asked, by part.
        files: changes with what material read from files.
    """

    train: Tokens
    tuning: Tokens
    test: Tokens
    cut: bool
    questions: Mapping[Part, Questions]
    files: str = ""

    @property
    def given(self) -> Mapping[str, Any]:
        """What a training reads, as `likely.train.loop.run` takes it."""
        return {"tokens": self.train}

    @property
    def key(self) -> str:
        """Changes with any token of any part, and with what material read from files."""
        return key_of_parts(map(fingerprint, (self.train, self.tuning, self.test)), self.files)

    def exam(self, part: Part) -> Exam:
        """What models are judged on.

        Args:
            part: to tune by, or for verdicts.

        Returns:
            An exam without prompts cut from text, and without a model for features.
        """
        asked = self.questions[part]
        return Exam(
            self.tuning if part == "tuning" else self.test,
            self.train,
            task=asked.task,
            planted=asked.planted,
            referenced=asked.referenced,
        )

    @property
    def sizes(self) -> dict[str, Any]:
        """Tokens and bytes of the parts, how many questions they ask, and the key."""
        parts = {"training": self.train, "tuning": self.tuning, "test": self.test}
        said = {
            name: {"tokens": len(part.ids), "bytes": part.total_bytes, "documents": len(part)}
            for name, part in parts.items()
        }
        asked = counts_of(self.questions)
        return {**said, **asked, "fingerprint": self.key, "cut": self.cut}


def study_text(
    recipe: Recipe, share: float, held_out: float, material: StudyMaterial | None = None
) -> StudyText:
    """Read, split and encode what a recipe names; remembered by a process that trains it again.

    The split depends on the text alone, not on a seed: every arm, trial and seed has the same one.
    Material joins the training part afterwards, so that nothing of it is held out.

    Args:
        recipe: names the text and the tokenizer.
        share: of the text, for tuning.
        held_out: share of the text, for verdicts.
        material: what there is beside the text; None for nothing.

    Returns:
        The parts.

    Raises:
        BadInput: too little text for three parts; material that is not there.
    """
    about = (recipe.data, recipe.field, recipe.on_error, share, held_out)
    return _encoded(about, material or StudyMaterial(), recipe.tokenizer, recipe.start)


@lru_cache(maxsize=1)
def _parts(about: tuple[Any, ...]) -> Split:
    data, field, on_error, share, held_out = about
    corpus = read_data(Recipe(data=data, field=field, on_error=on_error))
    parts = split_any(corpus, validation=share, held_out=held_out)
    if not all(len(part.documents) for part in parts.parts.values()):
        raise BadInput(
            f"The corpus {corpus.name!r} is too little text to train, to tune and to test on: give "
            "more of it."
        )
    return parts


@lru_cache(maxsize=1)
def _grown(
    about: tuple[Any, ...], material: StudyMaterial
) -> tuple[Corpus, Mapping[Part, Questions], str]:
    train, questions = with_material(_parts(about).train, material)
    return train, questions, key_of(material, questions)


@lru_cache(maxsize=2)
def _encoded(
    about: tuple[Any, ...], material: StudyMaterial, tokenizer: str, start: str
) -> StudyText:
    parts = _parts(about)
    train, questions, files = _grown(about, material)
    vocabulary = vocabulary_of(Recipe(tokenizer=tokenizer, start=start), train, None, None)
    return StudyText(
        encode(train, vocabulary),
        encode(shortened(parts.validation, MOST_VALIDATION), vocabulary),
        encode(shortened(parts.held_out, MOST_TEST), vocabulary),
        parts.cut,
        questions,
        files,
    )


def cut_passages(study: Study) -> list[str]:
    """Arms whose windows are too short to hold a planted passage, so that nobody reads one whole.

    Args:
        study: names the arms.

    Returns:
        One sentence each.
    """
    problems = []
    for arm in study.arms if study.material.planted else ():
        recipe = study.recipe_of(arm)
        text = study_text(recipe, study.tuning.share, study.held_out, study.material)
        passages = [one.text for asked in text.questions.values() for one in asked.planted]
        longest = 1 + max(map(len, text.train.vocabulary.encode_many(passages)))
        if longest > recipe.length:
            problems.append(
                f"arms.{arm}: a planted passage of material.length={study.material.length} bytes "
                f"is {longest} tokens with its end, and a window holds length={recipe.length}: "
                "give shorter passages, or longer windows."
            )
    return problems


def check_text(found: str, wanted: str) -> None:
    """Raise where the text is not the one that a study began with.

    Args:
        found: key of the text as it is now.
        wanted: key that the study wrote down.

    Raises:
        BadInput: they differ.
    """
    if found != wanted:
        raise BadInput(
            "The data are not those that this study began with, or its references or its model "
            "for features are not: put them back, or begin another study in another --out."
        )
