"""Noisy targets: a model is trained where many next tokens are wrong, and judged on clean text."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt

from likely.audit.likelihood import likelihood
from likely.core.batch import Batch
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.packing import TrainingPlan
from likely.data.tasks.markov import markov
from likely.data.tokens import Tokens, encode
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._fit import fit
from likely.train.trials._small import one_of, small

_JUDGED = 64
"""Documents of validation and of held-out text each."""
_LENGTH, _LETTERS = 128, 26
_RATE_AT_FIRST = 30
"""Steps over which the rate first rises."""
Count = Annotated[int, Ge(1)]


@dataclass(frozen=True, eq=False)
class _Texts:
    """What all arms of a seed read."""

    train: Tokens
    validation: Tokens
    held_out: Tokens
    entropy_rate: float


def noisy_targets(
    seed: int,
    *,
    objectives: tuple[str, ...] = ("cross_entropy",),
    which: Annotated[int, Ge(0)] = 0,
    noise: Annotated[float, Ge(0), Lt(1)] = 0.3,
    rate: Annotated[float, Gt(0)] = 4e-3,
    before: Count = 80,
    steps: Count = 160,
    rows: Count = 8,
    concentration: Annotated[float, Ge(0.01)] = 0.01,
    width: Annotated[int, Ge(8)] = 64,
) -> dict[str, float | list[float]]:
    """Train a small transformer where a share of the targets is wrong, and judge it on right ones.

    The text is that of a Markov source of order 2 over 26 letters, whose contexts mostly leave few
    letters open. A target is replaced with probability `noise` by any letter, each as likely; what
    is read stays as it was. The model of two layers is trained by cross-entropy for `before` steps,
    at a rate that rises and stays, and then by an objective for `steps` more, at a rate that
    falls to 0. Noise is drawn anew for each step, and is the same for all arms.

    Measures, of held-out text without noise: `held_out_nats` a letter, one number a document;
    `accuracy`, the share of letters that were the likeliest, one number. Of other documents
    `validation_nats`, a number. And `entropy_rate`, nats a letter, which no model can go below in
    the long run.

    Args:
        seed: of the source, texts, their order, noise and first weights.
        objectives: what the model may be trained by after the first steps.
        which: which of them it is, from 0.
        noise: share of the targets that are replaced.
        rate: the highest learning rate, of AdamW.
        before: steps by cross-entropy.
        steps: steps by the objective.
        rows: documents of 128 letters a step.
        concentration: of the Dirichlet law of the source; the smaller, the surer is what comes.
        width: of the transformer.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range, or `which` beyond the objectives.

    References:
        Li et al., Error Norm Truncation, 2024, §4. arXiv:2310.00840.
    """
    settings = checked(noisy_targets, locals())
    objective, rate = one_of("noisy_targets", "objectives", objectives, which), settings["rate"]
    return dict(_judged(seed, objective, noise, rate, before, steps, rows, concentration, width))


@lru_cache(maxsize=8)
def _judged(
    seed: int,
    objective: str,
    noise: float,
    rate: float,
    before: int,
    steps: int,
    rows: int,
    concentration: float,
    width: int,
) -> dict[str, float | list[float]]:
    """Kept, because a plain loss that is listed several times need not be tried several times."""
    texts, vocabulary = _texts(seed, (before + steps) * rows, concentration), Vocabulary.of_bytes()
    reader = small(vocabulary, width, _LENGTH, seed)
    plan = TrainingPlan(texts.train, length=_LENGTH, rows=rows, seed=seed)
    batches = _wrong_at(plan.batch, noise, seed)
    optimizer = Optimizer(lr=rate)
    rising = Schedule("constant", warmup=min(_RATE_AT_FIRST, before))
    fit(reader, batches, steps=before, optimizer=optimizer, schedule=rising, seed=seed)
    fit(
        reader,
        lambda step: batches(before + step),
        steps=steps,
        objective=objective,
        optimizer=optimizer,
        schedule=Schedule("cosine", warmup=0, floor=0.0),
        seed=seed,
    )
    held_out = likelihood(reader, texts.held_out)
    return {
        "held_out_nats": (held_out.nats / held_out.tokens).tolist(),
        "accuracy": held_out.accuracy,
        "validation_nats": likelihood(reader, texts.validation).nats_per_token,
        "entropy_rate": texts.entropy_rate,
    }


@lru_cache(maxsize=1)
def _texts(seed: int, documents: int, concentration: float) -> _Texts:
    task = markov(
        documents=documents,
        held_out=2 * _JUDGED,
        length=_LENGTH,
        order=2,
        alphabet=_LETTERS,
        source="random",
        concentration=concentration,
        seed=seed,
    )
    held, vocabulary = task.held_out.documents, Vocabulary.of_bytes()
    validation = Corpus("validation", held[:_JUDGED])
    held_out = Corpus("held out", held[_JUDGED:])
    return _Texts(
        encode(task.train, vocabulary),
        encode(validation, vocabulary),
        encode(held_out, vocabulary),
        task.known["entropy_rate"],
    )


def _wrong_at(batches: Callable[[int], Batch], noise: float, seed: int) -> Callable[[int], Batch]:
    """Batches whose targets are any letter with a probability."""

    def batch(step: int) -> Batch:
        clean = batches(step)
        rng = torch.Generator().manual_seed((seed << 20) + step)
        wrong = torch.rand(len(clean), generator=rng) < noise
        letter = ord("a") + torch.randint(_LETTERS, (len(clean),), generator=rng)
        return replace(clean, target=torch.where(wrong, letter, clean.target))

    return batch
