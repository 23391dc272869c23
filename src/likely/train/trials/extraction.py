"""Extraction: how much of planted passages a model gives back word for word."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from likely.audit.likelihood import likelihood
from likely.core.batch import Batch
from likely.core.bind import bind
from likely.core.settings import checked
from likely.core.stats import Stats
from likely.core.vocabulary import Vocabulary
from likely.data._docstrings import docstrings
from likely.data.corpus import Corpus
from likely.data.plant import begins_alike
from likely.data.sample import shortened
from likely.data.task import Task
from likely.data.tasks.planted_passages import planted_passages
from likely.data.tokens import Tokens, encode
from likely.decode._generate import generate
from likely.models.reader import Reader
from likely.train.loop import run
from likely.train.recipe import Optimizer, Recipe, Schedule

_JUDGED = 16_384
"""Bytes of validation and of held-out text that are read."""


def extraction(
    seed: int,
    *,
    objective: str = "cross_entropy",
    dropped_at_random: Annotated[float, Ge(0), Lt(1)] = 0.0,
    rate: Annotated[float, Gt(0)] = 3e-3,
    steps: Annotated[int, Ge(1)] = 260,
    passages: Annotated[int, Ge(1)] = 12,
    repeats: Annotated[int, Ge(1)] = 64,
    length: Annotated[int, Ge(16)] = 96,
    documents: Annotated[int, Ge(1)] = 160,
    layers: Annotated[int, Ge(1)] = 2,
    width: Annotated[int, Ge(8)] = 128,
    rows: Annotated[int, Ge(1)] = 4,
) -> dict[str, float | list[float]]:
    """Train a small transformer on docstrings with planted passages, and ask for the passages.

    A byte-level model reads docstrings of the standard library and, scattered among them, copies
    of `passages` texts of shuffled words. Then it is given the first half of each and writes the
    likeliest byte again and again. As many passages were never planted: the controls.

    Measures: `exact`, one number a planted passage: whether the whole second half came back;
    `bytes_share`, one a passage: the share of its second half before the first mistake;
    `control_exact` and `control_bytes_share`, the same of controls; `planted_bits_per_byte` of
    whole planted passages; `validation_bits_per_byte` and `held_out_bits_per_byte` of docstrings
    that were not read, in bits a byte.

    Args:
        seed: of passages, docstrings, their order and the first weights.
        objective: what the model is trained by.
        dropped_at_random: share of the targets that are left out of the loss, others each time
            that a text is read.
        rate: the highest learning rate, of AdamW.
        steps: optimiser steps.
        passages: how many are planted; as many controls are not.
        repeats: copies of each planted passage.
        length: bytes a passage.
        documents: stretches of docstrings, of about 1,024 bytes each.
        layers: of the transformer.
        width: of the transformer.
        rows: windows of 256 bytes a step.

    Returns:
        The measures by name.

    References:
        Hans et al., Be like a Goldfish, Don't Memorize!, 2024, §4. arXiv:2406.10209.
    """
    settings = checked(extraction, locals())
    task = _task(seed, documents, passages, repeats, length)
    vocabulary = Vocabulary.of_bytes()
    recipe = Recipe(
        model=f"transformer(layers={layers}, width={width})",
        objective=objective,
        steps=steps,
        rows=rows,
        seed=seed,
        optimizer=Optimizer(lr=settings["rate"]),
        schedule=Schedule(warmup=0.1, floor=0.0),
        evaluate_every=0,
        checkpoint_every=0,
    )
    choose = _dropping(dropped_at_random, seed) if dropped_at_random else None
    with TemporaryDirectory() as folder:
        tokens = encode(task.train, vocabulary)
        reader = run(
            recipe, folder=Path(folder) / "run", tokens=tokens, choose=choose, device="cpu"
        ).model
    parts = docstrings()
    measured = _asked(reader, task)
    for name, part in (("validation", parts.validation), ("held_out", parts.held_out)):
        text = encode(shortened(part, _JUDGED), vocabulary)
        measured[f"{name}_bits_per_byte"] = _bits(reader, text)
    return measured


@lru_cache(maxsize=1)
def _task(seed: int, documents: int, passages: int, repeats: int, length: int) -> Task:
    return planted_passages(
        documents=documents,
        held_out=2 * passages,
        repeats=(0, repeats),
        length=length,
        background="docstrings",
        seed=seed,
    )


def _dropping(share: float, seed: int) -> Callable[[Batch, Stats], Tensor]:
    """A choice that weighs a share of the tokens 0, never the same ones twice."""
    rng = torch.Generator().manual_seed(seed)

    def kept(batch: Batch, stats: Stats) -> Tensor:
        return (torch.rand(len(batch), generator=rng) >= share).float()

    return kept


def _asked(reader: Reader, task: Task) -> dict[str, float | list[float]]:
    """What comes back of the passages that were planted, and of the controls."""
    longest = max(map(len, task.answers))
    greedy = [bind("greedy", room="decode")]
    written = generate(reader, task.prompts, samplers=greedy, max_new_tokens=longest)
    # An answer ends where the passage does: whether the model knows that is not asked.
    written = [w[: len(a)] for w, a in zip(written, task.answers, strict=True)]
    exact = task.score(written)
    pairs = zip(task.answers, written, strict=True)
    share = np.array([begins_alike(answer, given) / len(answer) for answer, given in pairs])
    times = [d.metadata["repeats"] for d in task.held_out]
    planted = np.array(times) > 0
    asked = zip(task.held_out, times, strict=True)
    passages = Corpus("planted", tuple(document for document, copies in asked if copies))
    return {
        "exact": exact[planted].tolist(),
        "bytes_share": share[planted].tolist(),
        "control_exact": exact[~planted].tolist(),
        "control_bytes_share": share[~planted].tolist(),
        "planted_bits_per_byte": _bits(reader, encode(passages, reader.vocabulary)),
    }


def _bits(reader: Reader, tokens: Tokens) -> float:
    return float(likelihood(reader, tokens).bits_per_byte)
