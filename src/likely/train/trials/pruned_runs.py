"""Pruned runs: sparse runs predicted from dense ones, by the mean, the last or the first size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt
from jaxtyping import Float

from likely.core.batch import Batch
from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data.packing import TrainingPlan
from likely.forecast.fit import fit as fit_law
from likely.forecast.fitted import Fit
from likely.forecast.pruning import average_of, pruned
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._curves import nats, read
from likely.train.trials._fit import fit
from likely.train.trials._masks import Masks, linear_weights
from likely.train.trials._small import small

Count = Annotated[int, Ge(1)]
Width = Annotated[int, Ge(8)]
Sparsity = Annotated[float, Gt(0), Lt(1)]
Counted = Literal["mean", "last", "first"]
_READ = 8192
"""Bytes of validation text that are read in the end."""
_NO_TOKENS = {"B": 1e-9, "beta": 1.0}
"""All runs read as many tokens, so that E holds what more of them would remove."""


@dataclass(frozen=True)
class _Setting:
    """What all runs of a seed share."""

    start: float
    end: float
    steps: int
    rate: float
    rows: int
    length: int
    documents: int


@dataclass(frozen=True)
class _Run:
    """Linear weights that were there, in three counts, and the loss in the end."""

    sizes: Mapping[str, float]
    tokens: float
    loss: float


def pruned_runs(
    seed: int,
    *,
    counted: Counted = "mean",
    widths: tuple[Width, ...] = (16, 24, 32, 48, 64),
    sparse_widths: tuple[Width, ...] = (48, 64),
    sparsities: tuple[Sparsity, ...] = (0.5, 0.75),
    start: Annotated[float, Ge(0), Lt(1)] = 0.25,
    end: Annotated[float, Gt(0), Lt(1)] = 0.75,
    steps: Count = 240,
    rate: Annotated[float, Gt(0)] = 4e-3,
    rows: Count = 8,
    length: Annotated[int, Ge(8)] = 64,
    documents: Count = 600,
) -> dict[str, float | list[float]]:
    """Train dense and pruned small transformers, and read the pruned ones off the dense ones' law.

    Byte-level transformers of `widths` are trained dense, and each of `sparse_widths` once for each
    of `sparsities`: of the weights of the linear layers in its blocks the smallest are set to 0 and
    kept there, one share at every step between `start` and `end` of its compute. All runs read the
    same rows in the same order, at a rate that falls by a cosine to a tenth. The law of mean sizes
    is fitted to the dense runs, and asked about every pruned run by its mean, last or first count
    of these weights. A dense run has one count, so that all counts share this fit.

    Measures: `error`, mean |predicted / measured − 1| of the pruned runs' losses; `shift`, the same
    with its sign; `together`, mean |error| of one fit to dense and pruned runs alike, by that
    count; `dense_error`, mean |error| of the dense runs in their own fit; `span`, the largest dense
    loss over the smallest, − 1: what sizes change at all.

    Args:
        seed: of texts, their order and first weights.
        counted: which size of a pruned run the law is asked about.
        widths: of the dense transformers, of two layers.
        sparse_widths: of those that are pruned.
        sparsities: shares of the linear weights that are gone in the end.
        start: share of the compute after which pruning begins.
        end: share of the compute after which it is done.
        steps: of every run.
        rate: the highest learning rate, of AdamW.
        rows: rows a step is trained on.
        length: bytes a row.
        documents: stretches of docstrings to train on.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range, fewer than four dense widths, nothing that is pruned, or
            an end that is not behind the start.

    References:
        Jin et al., The Journey Matters: Average Parameter Count over Pre-training Unifies Sparse
        and Dense Scaling Laws, 2025. arXiv:2501.12486.
    """
    settings = checked(pruned_runs, locals())
    if len(set(widths)) < 4:
        problem = (
            f"widths={widths} should be four or more, so that the law of sizes has a residual."
        )
        raise BadSetting("pruned_runs", [problem])
    if not sparse_widths or not sparsities:
        raise BadSetting("pruned_runs", ["sparse_widths and sparsities should name one run."])
    if not start < end:
        raise BadSetting("pruned_runs", [f"end={end} should be more than start={start}."])
    shared = _Setting(start, end, steps, settings["rate"], rows, length, documents)
    dense = [_run(seed, shared, width, 0.0) for width in widths]
    sparse = [_run(seed, shared, width, one) for width in sparse_widths for one in sparsities]
    made = _fitted(dense, counted)
    missed = made.predict(_table(sparse, counted)).value / _losses(sparse) - 1
    losses = _losses(dense)
    return {
        "error": float(np.abs(missed).mean()),
        "shift": float(missed.mean()),
        "together": _own_error(_fitted([*dense, *sparse], counted)),
        "dense_error": _own_error(made),
        "span": float(losses.max() / losses.min() - 1),
    }


def _table(runs: Sequence[_Run], counted: Counted) -> dict[str, np.ndarray]:
    """What the law is asked about."""
    sizes, tokens = [run.sizes[counted] for run in runs], [run.tokens for run in runs]
    return {"average_params": np.array(sizes), "tokens": np.array(tokens)}


def _losses(runs: Sequence[_Run]) -> Float[np.ndarray, "R"]:
    """Losses of runs, in nats a byte."""
    return np.array([run.loss for run in runs])


def _fitted(runs: Sequence[_Run], counted: Counted) -> Fit:
    """The law of sizes of some runs of as many tokens."""
    table = {**_table(runs, counted), "loss": _losses(runs)}
    return fit_law("average_params", table, hold=_NO_TOKENS, bootstrap=0)


def _own_error(made: Fit) -> float:
    """Mean |error| on what was fitted."""
    return float(np.abs(np.expm1(made.residuals)).mean())


@lru_cache(maxsize=64)
def _run(seed: int, shared: _Setting, width: int, sparsity: float) -> _Run:
    """One run, dense where the sparsity is 0, kept for the other arms of its seed."""
    texts = read(seed, shared.documents, shared.length, _READ, _READ)
    reader = small(Vocabulary.of_bytes(), width, shared.length, seed)
    plan = TrainingPlan(texts.train, length=shared.length, rows=shared.rows, seed=seed)
    masks, steps = Masks(linear_weights(reader)), shared.steps
    sizes = np.full(steps, float(masks.whole))
    if sparsity:
        between = {"start": shared.start, "end": shared.end}
        sizes = pruned(float(masks.whole), sparsity=sparsity, steps=steps, **between).round()

    def batch(step: int) -> Batch:
        masks.keep(int(sizes[step]))
        return plan.batch(step)

    optimizer = Optimizer(lr=shared.rate)
    schedule = Schedule("cosine", warmup=0.05, floor=0.1)
    fit(reader, batch, steps=steps, optimizer=optimizer, schedule=schedule, seed=seed)
    masks.keep(int(sizes[-1]))
    counts = {"mean": average_of(sizes), "last": float(sizes[-1]), "first": float(sizes[0])}
    loss = float(nats(reader, texts.along).mean())
    return _Run(counts, float(steps * plan.tokens_per_step), loss)
