"""Small transformers on real text: what several trials make, train and choose in the same way."""

from collections.abc import Sequence
from typing import TypeVar

from likely.core.errors import BadSetting
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.packing import TrainingPlan
from likely.data.sample import shortened, stretches
from likely.data.tokens import Tokens
from likely.models.reader import Reader
from likely.models.transformer import Transformer, transformer
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._fit import fit

FALLING = Schedule(warmup=0.1, floor=0.0)
"""The rate rises over a tenth of the steps and falls to 0."""
Choice = TypeVar("Choice")


def one_of(trial: str, name: str, choices: Sequence[Choice], which: int) -> Choice:
    """The choice that a setting `which` names.

    Args:
        trial: that has the setting.
        name: of the choices.
        choices: all of them.
        which: number of one, from 0.

    Returns:
        That one.

    Raises:
        BadSetting: there are not so many.
    """
    if which >= len(choices):
        problem = f"which={which} should be below {len(choices)}, the number of {name}."
        raise BadSetting(trial, [problem])
    return choices[which]


def small(vocabulary: Vocabulary, width: int, context: int, seed: int) -> Transformer:
    """A transformer of two layers with four heads.

    Args:
        vocabulary: what it reads.
        width: of it.
        context: positions read at once.
        seed: of its first weights.

    Returns:
        The model.
    """
    return transformer(vocabulary, layers=2, width=width, heads=4, context=context, seed=seed)


def trained(
    reader: Reader, tokens: Tokens, rows: int, length: int, steps: int, rate: float, seed: int,
    objective: str = "cross_entropy",
) -> None:  # fmt: skip
    """Train a model on windows of text, by AdamW at a rate that falls to 0.

    Args:
        reader: the model; trained in place.
        tokens: the text.
        rows: windows a step.
        length: tokens of a window.
        steps: of training.
        rate: the highest learning rate.
        seed: of the order.
        objective: what it is trained by.
    """
    plan = TrainingPlan(tokens, length=length, rows=rows, seed=seed)
    optimizer = Optimizer(lr=rate)
    fit(
        reader,
        plan.batch,
        steps=steps,
        objective=objective,
        optimizer=optimizer,
        schedule=FALLING,
        seed=seed,
    )


def in_stretches(corpus: Corpus, size: int, most: int) -> Corpus:
    """A shorter corpus of stretches of documents, from all over it.

    Args:
        corpus: what to take from.
        size: bytes of a stretch at least.
        most: bytes together.

    Returns:
        The stretches.
    """
    return shortened(Corpus(corpus.name, tuple(stretches(corpus, size))), most)
