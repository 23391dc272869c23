"""Training whose loss never holds its logits, with a gradient filter or without."""

from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from torch import autograd, nn

from likely.core.vocabulary import Vocabulary
from likely.data._docstrings import docstrings
from likely.data.packing import TrainingPlan
from likely.data.tokenizers.bpe import bpe
from likely.data.tokens import Tokens, encode
from likely.models.transformer import Transformer, transformer
from likely.train._optimizers import optimizers_of
from likely.train.recipe import Optimizer, Recipe, Schedule
from likely.train.schedule import learning_rate
from likely.train.trials._cut import cut, in_order

Array = NDArray[np.float64]

LENGTH = 128
"""Positions of a window, and tokens of a block that the filter looks at."""


@dataclass(frozen=True)
class Setting:
    """What training depends on, but for the filter.

    Args:
        seed: of the text's order and the first weights.
        words: ids of the BPE at most.
        width: of the transformer.
        rows: windows a step.
        pretraining_steps: before tuning.
        steps: of tuning.
        rate: the highest of pretraining.
        tuning_rate: the highest of tuning.
    """

    seed: int
    words: int
    width: int
    rows: int
    pretraining_steps: int
    steps: int
    rate: float
    tuning_rate: float


@lru_cache(maxsize=1)
def text_of(words: int) -> tuple[Vocabulary, Tokens]:
    """Docstrings to train on, as tokens of a BPE that was trained on them.

    Args:
        words: ids at most.

    Returns:
        The vocabulary and the text.
    """
    train = docstrings().train
    vocabulary = bpe(train, size=words)
    return vocabulary, encode(train, vocabulary)


def plan_of(setting: Setting) -> TrainingPlan:
    """What each step reads.

    Args:
        setting: of training.

    Returns:
        The plan; tuning goes on where pretraining stopped.
    """
    tokens = text_of(setting.words)[1]
    return TrainingPlan(tokens, length=LENGTH, rows=setting.rows, seed=setting.seed)


@lru_cache(maxsize=2)
def _pretrained(setting: Setting, eps: float | None) -> Transformer:
    reader = transformer(
        text_of(setting.words)[0],
        layers=1,
        width=setting.width,
        context=LENGTH,
        seed=setting.seed,
    )
    _fit(reader, setting, range(setting.pretraining_steps), setting.rate, eps)
    return reader


@lru_cache(maxsize=2)
def tuned(setting: Setting, first: float | None, then: float | None) -> tuple[Transformer, Array]:
    """Pretrain, then tune with a rate that warms up anew.

    Args:
        setting: of training.
        first: eps of the filter while pretraining; None for no filter.
        then: the same while tuning.

    Returns:
        The model, and the loss of every step of tuning before it was taken.
    """
    reader = deepcopy(_pretrained(setting, first))
    begin = setting.pretraining_steps
    steps = range(begin, begin + setting.steps)
    return reader, _fit(reader, setting, steps, setting.tuning_rate, then)


def _fit(
    reader: Transformer, setting: Setting, steps: range, rate: float, eps: float | None
) -> Array:
    """Train on some batches of the plan; the loss of every step before it was taken."""
    plan, schedule = plan_of(setting), Schedule(warmup=0.1)
    recipe = Recipe(optimizer=Optimizer(lr=rate), schedule=schedule)
    optimizers = optimizers_of(recipe, reader)
    losses = np.empty(len(steps))
    reader.train()
    for step, number in enumerate(steps):
        batch = plan.batch(number)
        hidden, head = reader.hidden(batch)
        values = cut(hidden, *in_order(hidden, head, batch.target), filter_eps=eps)
        total, weight = (batch.weight * values).sum(), float(batch.weight.sum())
        # Divided afterwards: the filter means gradients of one token's loss.
        autograd.backward(total)
        losses[step] = total.item() / weight
        for parameter in reader.parameters():
            if parameter.grad is not None:
                parameter.grad.div_(weight)
        nn.utils.clip_grad_norm_(reader.parameters(), recipe.optimizer.clip)
        for one in optimizers:
            for group in one.param_groups:
                group["lr"] = rate * learning_rate(schedule, step, len(steps))
            one.step()
            one.zero_grad()
    reader.eval()
    return losses
