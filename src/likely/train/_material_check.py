"""What is wrong with the material of a study, and the task that it names."""

from functools import lru_cache

from likely.core.bind import bind
from likely.core.errors import BadSetting, LikelyError
from likely.data.task import Task
from likely.train._kinds import FROM_EXAMPLES
from likely.train.study_material import FIELDS, StudyMaterial


def wrong(material: StudyMaterial) -> list[str]:
    """What is wrong with material, as far as no file must be read to see it.

    Args:
        material: of a study, every field of its type.

    Returns:
        Sentences that begin with the field.
    """
    problems = []
    if material.planted == 1:
        problems.append(
            "material.planted=1 should be 0 or at least 2: tuning asks for one half of the "
            "passages, and verdicts for the other."
        )
    if material.planted and not any(material.repeats):
        problems.append(
            f"material.repeats={list(material.repeats)} should hold a number above 0: nothing "
            "would be planted."
        )
    if material.task:
        problems += [f"material.task: {one}" for one in _of_task(material.task)]
    return problems


def unread(material: StudyMaterial, kind: str) -> list[str]:
    """Material that only plain text can hold.

    Args:
        material: of a study.
        kind: of its recipes.

    Returns:
        Sentences that begin with the field.
    """
    return [
        f"material.{FIELDS[part]} stands beside plain text, and kind={kind!r} reads examples: "
        "leave it out; only references go with them."
        for part in material.parts
        if kind in FROM_EXAMPLES and part != "referenced"
    ]


def _of_task(text: str) -> list[str]:
    try:
        task = task_of(text)
    except BadSetting as problem:
        return [f"{problem.where}: {one}" for one in problem.problems]
    except LikelyError as problem:
        return [str(problem)]
    if task.judge is None:
        return [
            f"{task.name!r} asks nothing that could be answered, so no judge has a use for it: "
            "take another one (likely list data.tasks)."
        ]
    if len(task.held_out) < 2:
        return [
            f"held_out={len(task.held_out)} should be at least 2: tuning asks one half of the "
            "questions, and verdicts the other."
        ]
    return []


@lru_cache(maxsize=1)
def task_of(text: str) -> Task:
    """A task by its name and settings; the last one is remembered.

    Args:
        text: `arithmetic(digits=2)`.

    Returns:
        The task, the same whenever it is asked for.

    Raises:
        UnknownName: there is no such task.
        BadSetting: it has no such settings, or they do not go together.
    """
    chosen = bind(text, room="data.tasks")
    made: Task = chosen.entry(**chosen.settings)
    return made
