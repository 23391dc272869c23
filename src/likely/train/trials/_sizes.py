"""Runs of small transformers of several sizes and batch sizes, as trials of size laws need them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Float

from likely.core.vocabulary import Vocabulary
from likely.data._docstrings import docstrings
from likely.data.corpus import Corpus
from likely.data.embedded import embedded
from likely.data.packing import TrainingPlan
from likely.data.sample import drawn, shortened
from likely.data.split import Split, split
from likely.data.tokens import encode
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._curves import STRETCH, along, nats
from likely.train.trials._small import in_stretches, small

Text = Literal["docstrings", "code", "topics"]
Rows = dict[str, Float[np.ndarray, "_"]]
WARMUP = 10
"""Steps after which the rate stays."""
_ALONG = 6144
"""Bytes of validation text that are read along a run."""
_ROOM = 2_000_000
"""Bytes of code that are split; all of it takes long."""


@dataclass(frozen=True)
class Family:
    """What all runs of a family share.

    Args:
        seed: of texts, their order and first weights.
        text: domain of the embedded corpus that they are trained on and judged by.
        rate: of AdamW, constant after a few steps.
        length: bytes a row.
        documents: stretches of text to train on.
        first: step after which validation text is read first.
        checkpoints: of every run, evenly spaced in the logarithm of the step.
    """

    seed: int
    text: Text
    rate: float
    length: int
    documents: int
    first: int
    checkpoints: int


@lru_cache(maxsize=64)
def run(family: Family, width: int, rows: int, steps: int) -> Rows:
    """A run, kept for the other arms of its seed.

    Args:
        family: that it belongs to.
        width: of the transformer, of two layers.
        rows: rows a step is trained on.
        steps: of training.

    Returns:
        Columns `params` (without embedding and head), `step`, `batch_tokens`, `tokens`, `flops`
        (six a parameter and token) and `loss`, nats a byte, one row a checkpoint.
    """
    vocabulary, parts, seed = Vocabulary.of_bytes(), part(family.text), family.seed
    train = drawn(parts.train, family.documents, STRETCH, np.random.default_rng(seed))
    validation = in_stretches(parts.validation, STRETCH, _ALONG)
    judged = encode(validation, vocabulary)
    whole = TrainingPlan(judged, length=family.length, rows=-(-len(judged.ids) // family.length))
    batch, reader = whole.batch(0), small(vocabulary, width, family.length, seed)
    marks = np.unique(np.geomspace(family.first, steps, family.checkpoints).round().astype(int))
    plan = TrainingPlan(
        encode(Corpus("train", train.documents), vocabulary),
        length=family.length,
        rows=rows,
        seed=seed,
    )
    losses = along(
        reader,
        plan,
        lambda model: nats(model, batch),
        marks.tolist(),
        steps=steps,
        optimizer=Optimizer(lr=family.rate),
        schedule=Schedule("constant", warmup=WARMUP),
        seed=seed,
    )
    inner = float(reader.parameters_count - 2 * vocabulary.size * width)
    tokens = marks * float(plan.tokens_per_step)
    return {
        "params": np.full(len(marks), inner),
        "step": marks.astype(np.float64),
        "batch_tokens": np.full(len(marks), float(plan.tokens_per_step)),
        "tokens": tokens,
        "flops": 6 * inner * tokens,
        "loss": losses.mean(axis=1),
    }


@lru_cache(maxsize=3)
def part(text: Text) -> Split:
    """A domain of the embedded corpus, split by itself; domains do not overlap.

    Args:
        text: which.

    Returns:
        Its parts.
    """
    return docstrings() if text == "docstrings" else split(shortened(_whole().where(text), _ROOM))


@lru_cache(maxsize=1)
def _whole() -> Corpus:
    return embedded()
