"""Sharpening: a model is tuned on the likeliest of its own answers, right or wrong."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from likely.core.batch import Batch
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data.tasks.arithmetic import arithmetic
from likely.models.reader import Reader
from likely.models.transformer import transformer
from likely.train.recipe import Optimizer, Schedule
from likely.train.sharpen import best_of
from likely.train.trials._calculations import Questions, answer_log_prob, passes, questions, write
from likely.train.trials._fit import fit

_SAMPLES = 16
"""Answers to a question that are judged, before and after."""
_BASE_RATE = 4e-3
Count = Annotated[int, Ge(1)]


@dataclass(frozen=True, eq=False)
class _Base:
    """What all arms with one coverage begin from."""

    reader: Reader
    asked: Questions
    accuracy: list[float]
    log_prob: list[float]


def sharpening(
    seed: int,
    *,
    coverage: Annotated[float, Ge(0), Le(1)] = 0.4,
    candidates: Count = 8,
    rate: Annotated[float, Gt(0)] = 1e-3,
    steps: Count = 100,
    base_steps: Count = 500,
    problems: Count = 200,
    rows: Count = 64,
    width: Annotated[int, Ge(8)] = 64,
) -> dict[str, float | list[float]]:
    """Train a model on sums that are often wrong, then on the likeliest of its own answers.

    The base model reads `problems` sums of two numbers of two digits again and again. Each time
    the answer is right with probability `coverage`, and else that of another problem, drawn anew:
    the base learns by heart how likely each answer is. Then, without any right answer, it writes
    `candidates` answers to each problem, and is tuned on the one among them that it finds
    likeliest itself: best-of-N with the log-probability as the reward. Of one candidate it is
    tuned on any answer of its own.

    Measures, one number a problem, means over 16 sampled answers: `accuracy`, the share that are
    right, and `log_prob`, of a whole answer under the *base* model, nats; `base_accuracy` and
    `base_log_prob`, the same of what the base writes; `own_log_prob`, under the tuned model
    itself. And `found`, 1 where the answer that it was tuned on is right.

    Args:
        seed: of problems, answers that are read, first weights and what is drawn.
        coverage: how often a right answer was read.
        candidates: N.
        rate: of tuning; constant.
        steps: of tuning.
        base_steps: of the training before it.
        problems: how many.
        rows: problems a step.
        width: of the transformer, which has two layers.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range.

    References:
        Huang et al., Self-Improvement in Language Models: The Sharpening Mechanism, 2024, §3
        (SFT-Sharpening; coverage in §4). arXiv:2412.01951.
    """
    settings = checked(sharpening, locals())
    base = _base(seed, coverage, base_steps, problems, rows, width)
    best = _best(base, candidates, np.random.default_rng((seed, 1)))
    reader = copy.deepcopy(base.reader)
    optimizer = Optimizer(lr=settings["rate"], weight_decay=0.0)
    schedule = Schedule("constant", warmup=0)
    batches = passes(best, rows, seed)
    fit(reader, batches, steps=steps, optimizer=optimizer, schedule=schedule, seed=seed)
    written = _written(reader, base.asked, _SAMPLES, torch.Generator().manual_seed(seed + 2))
    return {
        "accuracy": _right(written, base.asked),
        "log_prob": _mean(answer_log_prob(base.reader, written)),
        "own_log_prob": _mean(answer_log_prob(reader, written)),
        "base_accuracy": base.accuracy,
        "base_log_prob": base.log_prob,
        "found": (best.answer == base.asked.answer).all(dim=1).double().tolist(),
    }


@lru_cache(maxsize=2)  # two coverages of a seed
def _base(seed: int, coverage: float, steps: int, problems: int, rows: int, width: int) -> _Base:
    vocabulary = Vocabulary.of_bytes()
    task = arithmetic(documents=problems, held_out=1, digits=2, padded=True, seed=seed)
    asked = questions(task.train, vocabulary, end=True)
    reader = transformer(vocabulary, layers=2, width=width, heads=4, context=16, seed=seed)
    schedule = Schedule(warmup=0.1, floor=0.0)
    batches = _often_wrong(asked, coverage, rows, seed)
    optimizer = Optimizer(lr=_BASE_RATE)
    fit(reader, batches, steps=steps, optimizer=optimizer, schedule=schedule, seed=seed)
    written = _written(reader, asked, _SAMPLES, torch.Generator().manual_seed(seed))
    log_prob = _mean(answer_log_prob(reader, written))
    return _Base(reader, asked, _right(written, asked), log_prob)


def _often_wrong(asked: Questions, coverage: float, rows: int, seed: int) -> Callable[[int], Batch]:
    """Batches in which an answer is right with a probability, and else that of any problem."""

    def batch(step: int) -> Batch:
        rng = np.random.default_rng((seed, step))
        chosen, others = rng.integers(len(asked), size=(2, rows))
        answer = asked.answer[np.where(rng.random(rows) < coverage, chosen, others)]
        return Questions(asked.prompt[chosen], answer).batch

    return batch


def _written(reader: Reader, asked: Questions, count: int, rng: torch.Generator) -> Questions:
    """So many sampled answers to each question, those to one question side by side."""
    prompt = asked.prompt.repeat_interleave(count, dim=0)
    return Questions(prompt, write(reader, prompt, asked.answer.shape[1], rng))


def _best(base: _Base, candidates: int, rng: np.random.Generator) -> Questions:
    """The likeliest of some answers of the base to each question."""
    prompts, length = base.asked.prompt[:, 1:].tolist(), base.asked.answer.shape[1]
    drawn = best_of(base.reader, prompts, count=candidates, rng=rng, max_new_tokens=length)
    eos = base.reader.vocabulary.eos
    # One that ended early ends again and again, so that all have one length.
    answers = [(*one.best.ids, *[eos] * length)[:length] for one in drawn]
    return Questions(base.asked.prompt, torch.tensor(answers))


def _right(written: Questions, asked: Questions) -> list[float]:
    count = len(written) // len(asked)
    wanted = asked.answer.repeat_interleave(count, dim=0)
    return _mean((written.answer == wanted).all(dim=1))


def _mean(values: Tensor) -> list[float]:
    """Over the samples of each question."""
    found: list[float] = values.double().view(-1, _SAMPLES).mean(dim=1).tolist()
    return found
