"""Who judges the models of a study, and which side of a measure is better."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from importlib.util import find_spec
from typing import Any

from likely.core.bind import bind
from likely.core.catalogue import catalogue, module_of
from likely.core.errors import LikelyError, did_you_mean
from likely.core.settings import parse
from likely.train._kinds import FROM_EXAMPLES
from likely.train.exam import PARTS
from likely.train.judge import ROOM, Measure, measure_of, needed
from likely.train.study_material import FIELDS, StudyMaterial

_OF_TEXT, _OF_EXAMPLES = ("test", "train", "continued"), ("answers",)
"""Parts of an exam that plain text gives, and that examples give."""
_PRIMARY = {"adapt": "answer_nats_per_token", "align": "preferred"}
"""What decides where nobody said so, by the kind of the recipes."""
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


def usual(kind: str) -> dict[str, Any]:
    """Who judges and what decides in a study of examples, where nobody said so.

    Args:
        kind: of its recipes.

    Returns:
        Fields of the study; none for text, whose own defaults do.

    Example:
        >>> usual("align"), usual("pretrain")
        ({'judges': ('answers',), 'primary': 'preferred'}, {})
    """
    return {"judges": _OF_EXAMPLES, "primary": _PRIMARY[kind]} if kind in _PRIMARY else {}


def check_judges(
    judges: Sequence[str], primary: str, material: StudyMaterial, kind: str = "pretrain"
) -> list[str]:
    """What is wrong with the judges of a study.

    Args:
        judges: names, with settings.
        primary: the measure that decides.
        material: what there is beside text or examples.
        kind: of the recipes, which says what is read.

    Returns:
        Sentences.
    """
    problems = []
    directed: list[str] = []
    for judge in judges:
        try:
            bound = bind(judge, room=ROOM)
            problems += [
                f"judges: {bound.name!r} needs {PARTS[part]}{_remedy(part, kind)}"
                for part in needed(bound.name)
                if part not in (*_read(kind), *material.parts)
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


def _read(kind: str) -> tuple[str, ...]:
    return _OF_EXAMPLES if kind in FROM_EXAMPLES else _OF_TEXT


def _remedy(part: str, kind: str) -> str:
    """What to do about a part of an exam that is not there: how the sentence goes on and ends."""
    if part in FIELDS and (kind not in FROM_EXAMPLES or part == "referenced"):
        return f": give {_OPTIONS[part]} or [material] {FIELDS[part]}."
    judge = "answers" if kind in FROM_EXAMPLES else "likelihood"
    return f", which recipes of kind {kind!r} do not read: take {judge!r}, or leave it out."


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


def usual_judges(material: StudyMaterial, kind: str = "pretrain") -> tuple[str, ...]:
    """Who judges where nobody said so: likelihood or answers, and those whom material allows.

    Args:
        material: what there is beside text or examples.
        kind: of the recipes, which says what is read.

    Returns:
        Names; none whose library is not installed.
    """
    more = [
        name
        for name in catalogue(ROOM)
        if set(needed(name)) & set(material.parts)
        and set(needed(name)) <= {*_read(kind), *material.parts}
        and not _missing_library(name)
    ]
    return (*usual(kind).get("judges", ("likelihood",)), *more)


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
