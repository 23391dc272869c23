"""How much the main job does: fixed numbers of steps, in one place."""

from dataclasses import dataclass, field, replace
from typing import Literal


@dataclass(frozen=True)
class Training:
    """One training run.

    Args:
        model: a model with settings.
        steps: optimiser steps.
        rows: windows a step.
        length: positions a window.
        lr: the highest learning rate.
        warmup: steps of linear warm-up; then the rate falls along a cosine to 0.
        optimizer: `adamw` or `muon`.
        evaluations: points of the learning curve.
    """

    model: str
    steps: int
    rows: int = 16
    length: int = 256
    lr: float = 3e-3
    warmup: int = 50
    optimizer: Literal["adamw", "muon"] = "adamw"
    evaluations: int = 12


@dataclass(frozen=True)
class Memory:
    """The comparison of objectives by what is learned by heart.

    Args:
        training: the run that both objectives share.
        objectives: what is compared.
        passages: planted for each number of repeats.
        repeats: documents of each passage; 0 must be among them: controls that are never read.
        length: bytes a passage.
        background: bytes of training text that they are planted in.
    """

    training: Training
    objectives: tuple[str, ...] = ("cross_entropy", "goldfish(k=4)")
    passages: int = 8
    repeats: tuple[int, ...] = (0, 1, 4, 16)
    length: int = 96
    background: int = 20_000


@dataclass(frozen=True)
class Budget:
    """Everything that decides how long the main job takes.

    Args:
        name: what reports call it.
        feed_forward: how it is trained.
        transformer: how it is trained.
        memory: the comparison of objectives.
        share: of the corpus that is used, by documents.
        orders: of the n-grams with Dirichlet smoothing.
        orders_kneser_ney: of those with Kneser–Ney smoothing, which take twice as long to fit.
        validation_bytes: of validation text that learning curves are measured on.
        samples: prompts that each model continues.
        sampler: how tokens are drawn, applied in order.
        sample_tokens: tokens a sample.
        excerpt: characters of each text that is coloured.
        version: of these settings; what was finished under another one is done again.
    """

    name: str
    feed_forward: Training
    transformer: Training
    memory: Memory
    share: float = 1.0
    orders: tuple[int, ...] = tuple(range(2, 17))
    orders_kneser_ney: tuple[int, ...] = (2, 3, 4, 5, 6, 8, 12, 16)
    validation_bytes: int = 65_536
    samples: tuple[tuple[str, str], ...] = (
        ("code", "import os\n\n\ndef "),
        ("docstrings", "Return the "),
        ("topics", "The following "),
    )
    sampler: tuple[str, ...] = ("temperature(temperature=0.9)", "top_p(p=0.95)")
    sample_tokens: int = 320
    excerpt: int = 900
    version: int = field(default=1)


_FEED_FORWARD = Training("feed_forward", steps=4000, rows=4, lr=5e-3)
_TRANSFORMER = Training(
    "transformer", steps=1050, rows=8, lr=6e-3, warmup=60, optimizer="muon", evaluations=8
)
_MEMORY = Memory(Training("transformer(layers=2)", steps=250, rows=16, length=128, evaluations=1))

DEFAULT = Budget("default", _FEED_FORWARD, _TRANSFORMER, _MEMORY)
FAST = Budget(
    "fast",
    replace(_FEED_FORWARD, steps=500, evaluations=4),
    replace(
        _TRANSFORMER,
        model="transformer(layers=2, context=128)",
        steps=520,
        length=128,
        lr=8e-3,
        warmup=30,
        evaluations=4,
    ),
    replace(
        _MEMORY,
        training=replace(_MEMORY.training, steps=130, lr=4e-3),
        background=15_000,
        passages=4,
    ),
    share=0.25,
    orders=(2, 3, 4, 5, 6, 8, 12, 16),
    orders_kneser_ney=(2, 4, 6, 16),
    validation_bytes=24_576,
    sample_tokens=160,
    excerpt=600,
)
LONG = Budget(
    "long",
    replace(_FEED_FORWARD, steps=8000),
    replace(
        _TRANSFORMER,
        model="transformer(width=160, context=512)",
        steps=6500,
        rows=4,
        length=512,
        lr=4e-3,
        warmup=300,
        evaluations=12,
    ),
    replace(_MEMORY, training=replace(_MEMORY.training, steps=500)),
)
