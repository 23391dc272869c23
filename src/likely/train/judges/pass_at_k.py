"""Pass@k: how likely one of k sampled answers to a question of a task is right."""

from typing import Annotated

import numpy as np
from annotated_types import Ge

from likely.audit.metrics.pass_at_k import pass_at_k as chance
from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.models.reader import Reader
from likely.train.exam import Exam
from likely.train.judge import Measure
from likely.train.judges._written import room_for, written

NEEDS = ("task",)
MEASURES = {
    "pass_at_*": Measure("share of questions with a right answer among k", "share", "higher")
}
Tries = Annotated[int, Ge(1)]


def pass_at_k(
    reader: Reader, exam: Exam, *, k: tuple[Tries, ...] = (1, 4), samples: Tries = 8
) -> dict[str, float | list[float]]:
    r"""Unbiased estimate of the chance that one of k sampled answers is right.

    $$ 1 - \binom{n - c}{k} \Big/ \binom{n}{k} $$

    Answers are drawn by the exam's samplers; one counts as right where the task gives it 1.
    Measures, one a question, 0 … 1: `pass_at_1`, `pass_at_4`; the numbers are those in `k`.

    Args:
        reader: the model.
        exam: needs `task`, one that asks something.
        k: tries allowed; a measure for each.
        samples: answers drawn to each question; no fewer than the largest k.

    Returns:
        The measures by name, one a question each.

    Raises:
        BadSetting: no `k`, or one above `samples`.
        BadInput: the exam has no task.
        Unsupported: the task asks nothing.

    References:
        Chen et al., Evaluating Large Language Models Trained on Code, 2021, equation 1.
        arXiv:2107.03374.
    """
    checked(pass_at_k, locals())
    if not k or max(k) > samples:
        problem = f"k={k} should name at least one number, and none above samples={samples}."
        raise BadSetting("pass_at_k", [problem])
    exam.need("pass_at_k", *NEEDS)
    assert exam.task is not None
    prompts = exam.task.prompts * samples
    most = room_for(reader.vocabulary, exam.task.answers)
    texts = written(reader, exam, prompts, "sampled", new_tokens=most)
    each = len(exam.task.prompts)
    scores = [exam.task.score(texts[at : at + each]) for at in range(0, len(texts), each)]
    right = (np.stack(scores) == 1).sum(axis=0)
    tries = np.full(each, samples)
    return {f"pass_at_{one}": chance(tries, right, k=one).tolist() for one in k}
