"""Judges: which of them an exam allows, what they measure, and a model that sits the exam."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from likely.core.bind import bind
from likely.core.catalogue import catalogue, module_of
from likely.core.errors import BadInput, UnknownName
from likely.models.reader import Reader
from likely.train._measures import Measures, plain
from likely.train.exam import Exam

ROOM = "train.judges"


@dataclass(frozen=True)
class Measure:
    """What a number of a judge means.

    Args:
        says: what it is, for people.
        unit: in what it is counted.
        better: which way is better; `neither` where that depends on what one wants.
    """

    says: str
    unit: str
    better: Literal["lower", "higher", "neither"]


def allowed(exam: Exam) -> tuple[str, ...]:
    """Judges whose needs an exam meets.

    Args:
        exam: what models are judged on.

    Returns:
        Their names, sorted.
    """
    return tuple(name for name in catalogue(ROOM) if set(needed(name)) <= set(exam.has))


def needed(judge: str) -> tuple[str, ...]:
    """Parts of an exam that a judge needs.

    Args:
        judge: its name.

    Returns:
        Names of parts.

    Raises:
        UnknownName: there is no such judge.

    Example:
        >>> needed("mauve")
        ('continued', 'features')
    """
    return tuple(module_of(ROOM, judge).NEEDS)


def measure_of(name: str) -> tuple[str, Measure]:
    """Which judge gives a measure, and what it means.

    Args:
        name: of the measure.

    Returns:
        The judge's name, and the meaning.

    Raises:
        UnknownName: no judge gives a measure of this name.

    Example:
        >>> measure_of("bits_per_byte")
        ('likelihood', Measure(says='bits per byte of test text', unit='bits', better='lower'))
    """
    known: list[str] = []
    for judge in catalogue(ROOM):
        measures: Mapping[str, Measure] = module_of(ROOM, judge).MEASURES
        for pattern, measure in measures.items():
            known.append(pattern)
            if fnmatchcase(name, pattern):
                return judge, measure
    raise UnknownName("measure of a judge", name, known)


def sit(reader: Reader, exam: Exam, judges: Sequence[str]) -> Measures:
    """Have a model judged.

    Args:
        reader: the model.
        exam: what it is judged on.
        judges: names, with settings where others than the defaults are wanted.

    Returns:
        Every measure by its name: a number, or one a text.

    Raises:
        UnknownName: there is no such judge.
        BadSetting: a judge has no such setting.
        BadInput: the exam lacks what a judge needs, or two judges give the same measure.
    """
    bound = [bind(judge, room=ROOM) for judge in judges]
    for one in bound:
        exam.need(one.name, *needed(one.name))
    found: dict[str, float | list[float]] = {}
    for one in bound:
        measured = plain(one.entry(reader, exam, **one.settings))
        twice = sorted(set(found) & set(measured))
        if twice:
            raise BadInput(f"The measure {twice[0]!r} was asked for twice: name each judge once.")
        found |= measured
    return found
