"""Distillation: a small student reads text beside a larger teacher, by one loss or another."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from likely.audit.likelihood import likelihood
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data._docstrings import docstrings
from likely.data.packing import TrainingPlan
from likely.data.sample import drawn
from likely.data.tokenizers.bpe import bpe
from likely.data.tokens import Tokens, encode
from likely.models.reader import Reader
from likely.train.recipe import Optimizer
from likely.train.trials._fit import fit
from likely.train.trials._small import FALLING, in_stretches, one_of, small, trained

_JUDGED = 24_576
"""Bytes of validation and of held-out text that are read."""
_STRETCH = 1000
"""Bytes of a stretch of docstrings."""
_TEACHER_RATE = 4e-3
Count = Annotated[int, Ge(1)]


@dataclass(frozen=True, eq=False)
class _Taught:
    """What all arms of a seed read, and who teaches them."""

    vocabulary: Vocabulary
    train: Tokens
    validation: Tokens
    held_out: Tokens
    teacher: Reader
    accuracy: float


def distillation(
    seed: int,
    *,
    objectives: tuple[str, ...] = ("knowledge_distillation",),
    which: Annotated[int, Ge(0)] = 0,
    rate: Annotated[float, Gt(0)] = 4e-3,
    steps: Count = 150,
    rows: Count = 8,
    length: Annotated[int, Ge(8)] = 128,
    documents: Count = 1000,
    size: Annotated[int, Ge(257)] = 512,
    width: Annotated[int, Ge(8)] = 32,
    teacher_width: Annotated[int, Ge(8)] = 96,
    teacher_steps: Count = 400,
) -> dict[str, float | list[float]]:
    """Train a student by a loss that reads a teacher, and judge its predictions of other text.

    Teacher and student are transformers of two layers on tokens of a BPE of `size` ids; the teacher
    was trained by cross-entropy on the same stretches of docstrings, for longer, and all arms of a
    seed share it. The student reads the teacher's logits live, at the tokens it trains on.

    Measures, of held-out text, one number a document: `held_out_accuracy`, the share of tokens that
    were the likeliest, and `held_out_nats` a token. Of all of it, `teacher_accuracy`. Of other text
    `validation_accuracy` and `validation_nats`, a number each.

    Args:
        seed: of the stretches, their order and first weights.
        objectives: what the student may be trained by.
        which: which of them it is, from 0.
        rate: the student's highest learning rate, of AdamW.
        steps: of the student's training.
        rows: rows a step.
        length: tokens a row.
        documents: stretches of docstrings to train on.
        size: ids of the BPE.
        width: of the student.
        teacher_width: of the teacher.
        teacher_steps: of the teacher's training.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range, or `which` beyond the objectives.

    References:
        Bassam et al., PLD: A Choice-Theoretic List-Wise Knowledge Distillation, 2025, §5.
        arXiv:2506.12542.
    """
    settings = checked(distillation, locals())
    objective = one_of("distillation", "objectives", objectives, which)
    taught = _taught(seed, rows, length, documents, size, teacher_width, teacher_steps)
    student = small(taught.vocabulary, width, length, seed + 1)
    fit(
        student,
        TrainingPlan(taught.train, length=length, rows=rows, seed=seed + 1).batch,
        steps=steps,
        objective=objective,
        optimizer=Optimizer(lr=settings["rate"]),
        schedule=FALLING,
        seed=seed,
        roles={"teacher": taught.teacher},
    )
    validation = likelihood(student, taught.validation)
    held_out = likelihood(student, taught.held_out)
    return {
        "held_out_accuracy": (held_out.correct / held_out.tokens).tolist(),
        "held_out_nats": (held_out.nats / held_out.tokens).tolist(),
        "teacher_accuracy": taught.accuracy,
        "validation_accuracy": validation.accuracy,
        "validation_nats": validation.nats_per_token,
    }


@lru_cache(maxsize=1)
def _taught(
    seed: int, rows: int, length: int, documents: int, size: int, width: int, steps: int
) -> _Taught:
    parts, rng = docstrings(), np.random.default_rng(seed)
    text = drawn(parts.train, documents, _STRETCH, rng)
    vocabulary = bpe(text, size=size)
    train = encode(text, vocabulary)
    held_out = encode(in_stretches(parts.held_out, _STRETCH, _JUDGED), vocabulary)
    teacher = small(vocabulary, width, length, seed)
    trained(teacher, train, rows, length, steps, _TEACHER_RATE, seed)
    validation = encode(in_stretches(parts.validation, _STRETCH, _JUDGED), vocabulary)
    accuracy = likelihood(teacher, held_out).accuracy
    return _Taught(vocabulary, train, validation, held_out, teacher, accuracy)
