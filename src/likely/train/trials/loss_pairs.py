"""Loss pairs: whether runs that differ in one thing lie on one curve of one loss over another."""

from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt
from jaxtyping import Float

from likely.core.batch import Batch
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data._docstrings import docstrings
from likely.data.corpus import Corpus
from likely.data.embedded import embedded
from likely.data.packing import TrainingPlan
from likely.data.sample import drawn, shortened
from likely.data.split import Split, split
from likely.data.tokenizers.bpe import bpe
from likely.data.tokens import encode
from likely.forecast.fit import fit as fit_law
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._curves import STRETCH, along, nats
from likely.train.trials._small import in_stretches, small

Count = Annotated[int, Ge(1)]
Width = Annotated[int, Ge(8)]
Text = Literal["docstrings", "code"]
_ALONG = 6144
"""Bytes of each judged text, about."""
_ROOM = 2_000_000
"""Bytes of code that are split; all of it takes long."""
_APART = 500
"""Between the seed of the reference and that of the same run once more."""


def loss_pairs(
    seed: int,
    *,
    changed: Literal["seed", "width", "tokenizer", "data"] = "width",
    width: Width = 32,
    other_width: Width = 64,
    text: Text = "docstrings",
    other_text: Text = "code",
    size: Annotated[int, Ge(257)] = 512,
    rate: Annotated[float, Gt(0)] = 4e-3,
    steps: Count = 400,
    rows: Count = 8,
    length: Annotated[int, Ge(8)] = 64,
    documents: Count = 600,
    checkpoints: Annotated[int, Ge(8)] = 24,
) -> dict[str, float | list[float]]:
    """Train two small transformers that differ in one thing, and see if one curve holds both.

    A reference of `width` reads bytes of `text` at a constant rate. At its checkpoints the nats a
    byte of held-out docstrings and of held-out code are a pair, and a shifted power law of the
    second over the first is fitted to its pairs. The other run differs in its `seed` alone, or by
    another seed and a `width` or a `text` to train on or a `tokenizer`: a BPE of `size` ids, of the
    same text. The law of the reference is asked about the other run's pairs, as far as their first
    loss lies within that of the reference.

    Measures: `error`, mean |predicted / measured − 1| of the other run's second loss; `shift`, the
    mean of predicted / measured − 1, with its sign; `fit_error` of the reference; `pairs`, how many
    lay within.

    Args:
        seed: of texts, their order and first weights.
        changed: in what the other run differs.
        width: of the reference.
        other_width: of the other run, where the width is changed.
        text: that the reference is trained on.
        other_text: that the other run is trained on, where the data are changed.
        size: ids of the tokenizer, where that is changed.
        rate: of AdamW, after the warm-up.
        steps: of each run.
        rows: rows a step is trained on.
        length: tokens a row.
        documents: stretches of text to train on.
        checkpoints: of each run, evenly spaced in the logarithm of the step.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range.

    References:
        Mayilvahanan et al., LLMs on the Line: Data Determines Loss-to-Loss Scaling Laws, 2025, §4.
        arXiv:2502.12120.
    """
    settings = checked(loss_pairs, locals())
    shared = (settings["rate"], steps, rows, length, documents, checkpoints)
    first = _pairs(seed, width, text, 0, *shared).T
    second = _pairs(
        seed + _APART,
        other_width if changed == "width" else width,
        other_text if changed == "data" else text,
        size if changed == "tokenizer" else 0,
        *shared,
    ).T
    made = fit_law("loss_to_loss", {"from_loss": first[0], "loss": first[1]}, bootstrap=0)
    within = (second[0] >= first[0].min()) & (second[0] <= first[0].max())
    predicted = made.predict({"from_loss": second[0][within]}).value
    missed = predicted / second[1][within] - 1
    return {
        "error": float(np.abs(missed).mean()),
        "shift": float(missed.mean()),
        "fit_error": float(np.abs(np.expm1(made.residuals)).mean()),
        "pairs": float(within.sum()),
    }


@lru_cache(maxsize=1)
def _parts() -> dict[str, Split]:
    """Docstrings and code, each split by itself; the two do not overlap."""
    code = shortened(embedded().where("code"), _ROOM)
    return {"docstrings": docstrings(), "code": split(code)}


@lru_cache(maxsize=8)
def _pairs(
    seed: int,
    width: int,
    text: Text,
    size: int,
    rate: float,
    steps: int,
    rows: int,
    length: int,
    documents: int,
    checkpoints: int,
) -> Float[np.ndarray, "K 2"]:
    """Nats a byte of held-out docstrings and of held-out code at every checkpoint of a run."""
    parts = _parts()
    train = drawn(parts[text].train, documents, STRETCH, np.random.default_rng(seed))
    vocabulary = bpe(train, size=size) if size else Vocabulary.of_bytes()
    judged = [_whole(one.held_out, vocabulary, length) for one in parts.values()]
    return along(
        small(vocabulary, width, length, seed),
        TrainingPlan(encode(train, vocabulary), length=length, rows=rows, seed=seed),
        lambda model: np.array([nats(model, batch).sum() / count for batch, count in judged]),
        np.unique(np.geomspace(steps / 20, steps, checkpoints).round().astype(int)).tolist(),
        steps=steps,
        optimizer=Optimizer(lr=rate),
        schedule=Schedule("constant", warmup=0.05),
        seed=seed,
    )


def _whole(corpus: Corpus, vocabulary: Vocabulary, length: int) -> tuple[Batch, int]:
    """All of a shorter text as one batch, and its bytes."""
    tokens = encode(in_stretches(corpus, STRETCH, _ALONG), vocabulary)
    plan = TrainingPlan(tokens, length=length, rows=-(-len(tokens.ids) // length))
    return plan.batch(0), int(tokens.byte_lengths.sum())
