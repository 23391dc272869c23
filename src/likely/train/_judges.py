"""Who judges the models of a study, and which side of a measure is better."""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from torch import nn

from likely.core.bind import bind
from likely.core.catalogue import catalogue, module_of
from likely.core.errors import BadInput, LikelyError, did_you_mean
from likely.core.settings import parse
from likely.data.tokens import Tokens
from likely.models.reader import Reader
from likely.train._study_questions import features_of
from likely.train.exam import PARTS, Asked, Exam, continued
from likely.train.judge import ROOM, Measure, measure_of, needed, sit
from likely.train.study_material import FIELDS, StudyMaterial

PROMPTS, PROMPT_TOKENS, NEW_TOKENS = 32, 16, 64
"""Prompts that models continue, tokens of each, and tokens that are written after it."""
_OF_TEXT = ("test", "train", "continued")
"""Parts of an exam that plain text gives."""
_OPTIONS = {part: f"--{field}" for part, field in FIELDS.items()} | {"planted": "--plant"}
"""Part of an exam → the option of `likely compare` that gives it."""


def better(measure: str) -> str:
    """Which side of a measure is better.

    Args:
        measure: its name.

    Returns:
        `lower` or `higher`; empty where neither is, or no judge knows it.

    Example:
        >>> better("bits_per_byte"), better("accuracy"), better("height")
        ('lower', 'higher', '')
    """
    try:
        side = measure_of(measure)[1].better
    except LikelyError:
        return ""
    return "" if side == "neither" else side


def check_judges(judges: Sequence[str], primary: str, material: StudyMaterial) -> list[str]:
    """What is wrong with the judges of a study.

    Args:
        judges: names, with settings.
        primary: the measure that decides.
        material: what there is beside plain text.

    Returns:
        Sentences.
    """
    problems = []
    directed: list[str] = []
    for judge in judges:
        try:
            bound = bind(judge, room=ROOM)
            problems += [
                f"judges: {bound.name!r} needs {PARTS[part]}: give {_OPTIONS[part]} or [material] "
                f"{FIELDS[part]}."
                for part in needed(bound.name)
                if part not in (*_OF_TEXT, *material.parts)
            ]
            measures: dict[str, Measure] = module_of(ROOM, bound.name).MEASURES
            directed += [name for name, one in measures.items() if one.better != "neither"]
        except LikelyError as problem:
            problems.append(f"judges: {problem}")
    if not problems and not any(fnmatchcase(primary, pattern) for pattern in directed):
        problems.append(
            f"primary={primary!r} should be a measure of the judges with a better side."
            f"{did_you_mean(primary, directed)} There are: {', '.join(directed)}."
        )
    return problems


def not_installed(judges: Sequence[str]) -> list[str]:
    """Judges whose library is not here, which is better told before anything is trained.

    Args:
        judges: of a study, with settings.

    Returns:
        Sentences.
    """
    return [
        f"judges: {name!r} needs {library[0]}, which is not installed: pip install "
        f'"likely[{library[1]}]", or leave it out.'
        for name in (parse(judge)[0] for judge in judges)
        if (library := _missing_library(name))
    ]


def usual_judges(material: StudyMaterial) -> tuple[str, ...]:
    """Who judges where nobody said so: likelihood, and those whom material allows.

    Args:
        material: what there is beside plain text.

    Returns:
        Names; none whose library is not installed.
    """
    more = [
        name
        for name in catalogue(ROOM)
        if set(needed(name)) & set(material.parts)
        and set(needed(name)) <= {*_OF_TEXT, *material.parts}
        and not _missing_library(name)
    ]
    return ("likelihood", *more)


def _missing_library(judge: str) -> tuple[str, str] | None:
    """The library that a judge's file names and the extra that brings it, where it is not here."""
    library: tuple[str, str] | None = getattr(module_of(ROOM, judge), "LIBRARY", None)
    return library if library and find_spec(library[0]) is None else None


def deciding(judges: Sequence[str], primary: str) -> tuple[str, ...]:
    """The judges that tuning needs: those that give the measure which decides.

    Args:
        judges: of the study, with settings.
        primary: the measure that decides.

    Returns:
        Some of them.
    """
    return tuple(
        judge
        for judge in judges
        if any(fnmatchcase(primary, pattern) for pattern in _measures(judge))
    )


def _measures(judge: str) -> dict[str, Measure]:
    found: dict[str, Measure] = module_of(ROOM, parse(judge)[0]).MEASURES
    return found


def judged(
    reader: Reader, judges: Sequence[str], exam: Exam, seed: int, features: str = ""
) -> dict[str, Any]:
    """What every judge says of a model.

    Prompts are cut from the same places for all models; what is sampled after them is drawn by the
    seed of the training, so that seeds differ by that too.

    Args:
        reader: the model, in evaluation mode.
        judges: names, with settings.
        exam: what it is judged on, without prompts cut from text.
        seed: of judges that draw.
        features: folder of the model whose hidden states compare texts.

    Returns:
        Measures by name.
    """
    asked = {part for judge in judges for part in needed(parse(judge)[0])}
    exam = replace(exam, seed=seed)
    if "continued" in asked:
        prompts, new_tokens = prompts_of(exam.test)
        exam = replace(exam, continued=prompts, new_tokens=new_tokens)
    if "features" in asked:
        other = features_of(features)[0]
        if isinstance(other, nn.Module):
            other.to(reader.device)
        exam = replace(exam, features=other)
    return dict(sit(reader, exam, judges))


@lru_cache(maxsize=2)
def prompts_of(test: Tokens) -> tuple[Asked, int]:
    """Prompts cut from a text; shorter ones where its documents are short.

    Args:
        test: the text.

    Returns:
        Prompts with what really followed, and how many tokens that is.

    Raises:
        BadInput: no document is long enough for the shortest ones.
    """
    for part in (1, 2, 4):
        prompt, new = PROMPT_TOKENS // part, NEW_TOKENS // part
        try:
            return continued(test, count=PROMPTS, prompt_tokens=prompt, new_tokens=new), new
        except BadInput:
            continue
    prompt, new = PROMPT_TOKENS // 8, NEW_TOKENS // 8
    return continued(test, count=PROMPTS, prompt_tokens=prompt, new_tokens=new), new
