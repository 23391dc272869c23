"""Checkpoint fits: a law of sizes and tokens fitted to ends of runs, or to their checkpoints."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data.packing import TrainingPlan
from likely.forecast.checkpoints import final, thinned
from likely.forecast.fit import fit as fit_law
from likely.forecast.table import Table
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._curves import along, nats, read
from likely.train.trials._small import small

Count = Annotated[int, Ge(1)]
Width = Annotated[int, Ge(8)]
Name = Literal["constant", "cosine"]
_ALONG = 8192
"""Bytes of validation text that are read along a run."""
_APART = 500
"""Between the seed of the target and that of the same run once more."""


@dataclass(frozen=True)
class _Setting:
    """What all runs of a family share."""

    schedule: Name
    rate: float
    rows: int
    length: int
    documents: int
    checkpoints: int


def checkpoint_fits(
    seed: int,
    *,
    rows_of: Literal["ends", "checkpoints"] = "checkpoints",
    skip: Annotated[float, Ge(0), Lt(1)] = 0.1,
    schedule: Name = "cosine",
    widths: tuple[Width, ...] = (8, 16, 24, 32, 48),
    budgets: tuple[Count, ...] = (400,),
    target_width: Width = 64,
    target_steps: Count = 400,
    rate: Annotated[float, Gt(0)] = 8e-3,
    rows: Count = 8,
    length: Annotated[int, Ge(8)] = 64,
    documents: Count = 600,
    checkpoints: Annotated[int, Ge(2)] = 20,
) -> dict[str, float | list[float]]:
    """Train a family of small byte-level transformers, and predict a larger one from it.

    Every width is trained for every budget of steps, each as a run of its own; validation text is
    read at as many evenly spaced checkpoints of each. The law of Chinchilla is fitted to the last
    row of every run (`ends`), or to all rows but those of the first `skip` of each run
    (`checkpoints`), and asked about the last row of the target, which no fit sees. `cosine` falls
    to a tenth of the highest rate.

    Measures: `error`, |predicted / measured − 1| of the target's last loss; `target` and
    `predicted`, nats a byte; `seed_floor`, |difference| / mean of the target's loss and that of the
    same run with another seed for text, order and first weights: what no law can predict;
    `fit_error`, the mean |error| on the rows that were fitted.

    Args:
        seed: of texts, their order and first weights.
        rows_of: what the law is fitted to.
        skip: share of each run whose checkpoints are left out.
        schedule: of every run.
        widths: of the transformers, of two layers.
        budgets: steps of their runs.
        target_width: of the one that is predicted.
        target_steps: of its run.
        rate: the highest learning rate, of AdamW.
        rows: rows a step is trained on.
        length: bytes a row.
        documents: stretches of docstrings to train on.
        checkpoints: of every run.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range, a budget shorter than its checkpoints, or a target that
            is among the runs that are fitted.

    References:
        Choshen et al., A Hitchhiker's Guide to Scaling Law Estimation, 2024, §4 and §5.
        arXiv:2410.11840.
    """
    settings = checked(checkpoint_fits, locals())
    if target_width in widths and target_steps in budgets:
        problem = f"target_width={target_width} with target_steps={target_steps} is fitted too."
        raise BadSetting("checkpoint_fits", [problem])
    if min(*budgets, target_steps) < checkpoints:
        problem = f"checkpoints={checkpoints} should not exceed the steps of any run."
        raise BadSetting("checkpoint_fits", [problem])
    shared = _Setting(schedule, settings["rate"], rows, length, documents, checkpoints)
    runs = [_run(seed, shared, width, steps) for width in widths for steps in budgets]
    table = Table({name: np.concatenate([one[name] for one in runs]) for name in runs[0]})
    kept = final(table) if rows_of == "ends" else thinned(table, skip_share=skip)
    made = fit_law("chinchilla", kept, bootstrap=0)
    target = _run(seed, shared, target_width, target_steps)
    again = _run(seed + _APART, shared, target_width, target_steps)
    last = {name: values[-1:] for name, values in target.items()}
    predicted, measured = float(made.predict(last).value[0]), float(last["loss"][0])
    other = float(again["loss"][-1])
    return {
        "error": abs(predicted / measured - 1),
        "predicted": predicted,
        "target": measured,
        "seed_floor": abs(measured - other) / ((measured + other) / 2),
        "fit_error": float(np.abs(np.expm1(made.residuals)).mean()),
    }


@lru_cache(maxsize=64)
def _run(seed: int, shared: _Setting, width: int, steps: int) -> dict[str, np.ndarray]:
    """The rows of one run, kept for the other arms of its seed."""
    texts = read(seed, shared.documents, shared.length, _ALONG, _ALONG)
    reader = small(Vocabulary.of_bytes(), width, shared.length, seed)
    plan = TrainingPlan(texts.train, length=shared.length, rows=shared.rows, seed=seed)
    marks = np.unique(np.linspace(0, steps, shared.checkpoints + 1).round().astype(int))[1:]
    losses = along(
        reader,
        plan,
        lambda model: nats(model, texts.along),
        marks.tolist(),
        steps=steps,
        optimizer=Optimizer(lr=shared.rate),
        schedule=Schedule(shared.schedule, warmup=0.05, floor=0.1),
        seed=seed,
    )
    rows = np.ones(len(marks))
    return {
        "run": np.array([f"{width}x{steps}"] * len(marks), object),
        "params": rows * reader.parameters_count,
        "step": marks.astype(np.float64),
        "tokens": marks * float(plan.tokens_per_step),
        "loss": losses.mean(axis=1),
    }
