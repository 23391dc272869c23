"""Task accuracy: how many questions of a task the model answers rightly."""

from likely.models.reader import Reader
from likely.train.exam import Exam
from likely.train.judge import Measure
from likely.train.judges._written import room_for, written

NEEDS = ("task",)
MEASURES = {"task_accuracy": Measure("share of questions answered rightly", "share", "higher")}


def task_accuracy(reader: Reader, exam: Exam) -> dict[str, float | list[float]]:
    """What the judge of a task says of greedy answers.

    An answer ends where the model ends it: one that goes on after the right answer is judged with
    what it goes on to say. Measure: `task_accuracy`, one a question, 0 … 1.

    Args:
        reader: the model.
        exam: needs `task`, one that asks something.

    Returns:
        The measure, one a question.

    Raises:
        BadInput: the exam has no task.
        Unsupported: the task asks nothing.
    """
    exam.need("task_accuracy", *NEEDS)
    assert exam.task is not None
    most = room_for(reader.vocabulary, exam.task.answers)
    texts = written(reader, exam, exam.task.prompts, "greedy", new_tokens=most)
    return {"task_accuracy": exam.task.score(texts).tolist()}
