"""Losses of text along a run of a small transformer, as trials of forecasts need them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from likely.core.batch import Batch
from likely.core.vocabulary import Vocabulary
from likely.data._docstrings import docstrings
from likely.data.corpus import Corpus
from likely.data.packing import TrainingPlan
from likely.data.sample import drawn
from likely.data.tokens import Tokens, encode
from likely.models._judge import evaluating
from likely.models.reader import Reader
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._fit import fit
from likely.train.trials._small import in_stretches

STRETCH = 1000
"""Bytes of a stretch of docstrings."""


@dataclass(frozen=True, eq=False)
class Read:
    """What runs of one seed are trained on, what is read along them, and what in the end.

    Args:
        train: stretches of docstrings, drawn by the seed.
        along: rows of validation text, the same for all seeds.
        end: held-out text, the same for all seeds.
    """

    train: Tokens
    along: Batch
    end: Tokens


@lru_cache(maxsize=2)
def read(seed: int, documents: int, length: int, along: int, end: int) -> Read:
    """Texts of a seed.

    Args:
        seed: of the draw.
        documents: stretches to train on.
        length: bytes of a row.
        along: bytes that are read along a run, about.
        end: bytes that are read in the end, about.

    Returns:
        Texts as bytes.
    """
    parts, vocabulary = docstrings(), Vocabulary.of_bytes()
    train = drawn(parts.train, documents, STRETCH, np.random.default_rng(seed))
    validation = in_stretches(parts.validation, STRETCH, along)
    plan = TrainingPlan(encode(validation, vocabulary), length=length, rows=max(1, along // length))
    held_out = encode(in_stretches(parts.held_out, STRETCH, end), vocabulary)
    return Read(encode(Corpus("train", train.documents), vocabulary), plan.batch(0), held_out)


def along(
    reader: Reader,
    plan: TrainingPlan,
    judge: Callable[[Reader], Float[np.ndarray, "..."]],
    marks: Sequence[int],
    *,
    steps: int,
    optimizer: Optimizer,
    schedule: Schedule,
    seed: int,
) -> Float[np.ndarray, "K ..."]:
    """Train a model, and judge it after some of its steps.

    Args:
        reader: the model; trained in place.
        plan: what it is trained on.
        judge: what is asked of it, such as its losses on a text.
        marks: steps taken when it is judged, rising, up to `steps`.
        steps: of training.
        optimizer: how gradients become steps.
        schedule: how the rate changes.
        seed: of the run.

    Returns:
        What the judge said, one row a mark.
    """
    wanted, found = set(marks), []

    def batch(step: int) -> Batch:
        if step in wanted:
            found.append(judge(reader))
        return plan.batch(step)

    fit(reader, batch, steps=steps, optimizer=optimizer, schedule=schedule, seed=seed)
    if steps in wanted:
        found.append(judge(reader))
    rows: Float[np.ndarray, "K ..."] = np.stack(found)
    return rows


def nats(reader: Reader, batch: Batch) -> Float[np.ndarray, "N"]:
    """Nats of every token of a batch that counts.

    Args:
        reader: a model.
        batch: what it reads.

    Returns:
        −log p, in order.
    """
    with evaluating(reader):
        log_prob = reader.read(batch, ("log_prob",))["log_prob"]
    return np.asarray(-log_prob[batch.weight > 0], np.float64)
