"""Schedule curves: what a law that was fitted to some schedules says of another one."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt
from jaxtyping import Float

from likely.audit.likelihood import Likelihood, likelihood
from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data.packing import TrainingPlan
from likely.forecast.fit import fit as fit_law
from likely.forecast.fitted import Fit
from likely.forecast.optimal_schedule import optimal_schedule
from likely.forecast.schedules import branch_step
from likely.train.recipe import Optimizer, Schedule
from likely.train.schedule import learning_rates
from likely.train.trials._curves import along, nats, read
from likely.train.trials._small import small

Count = Annotated[int, Ge(1)]
Fitted = Literal["constant", "cosine", "linear", "wsd", "two_stage"]
_ALONG, _END = 4096, 24_576
"""Bytes of validation text that are read along a run, and of held-out text that are in the end."""
_SKIPPED = 0.1
"""Share of a run whose beginning is not fitted."""
_DROP = ((0.0, 1.0), (0.5, 1.0), (0.5001, 0.3), (1.0, 0.3))
"""Half of the steps at the peak, the others at 0.3 of it."""
_SLIGHT = 1e-12
"""What a fall of the rate is worth where it should be worth nothing: the law's C is above 0."""


@dataclass(frozen=True)
class _Run:
    """What decides a run, but for its schedule."""

    seed: int
    peak: float
    steps: int
    rows: int
    length: int
    documents: int
    width: int
    every: int


@dataclass(frozen=True, eq=False)
class _Curve:
    """A run that was made: rates of all steps, loss after some, and what it reads in the end."""

    rates: Float[np.ndarray, "_"]
    step: Float[np.ndarray, "K"]
    loss: Float[np.ndarray, "K"]
    end: Likelihood


def schedule_curves(
    seed: int,
    *,
    law: Literal["none", "power", "annealing", "multi_power"] = "annealing",
    fitted: tuple[Fitted, ...] = ("constant", "cosine"),
    schedule: Fitted | Literal["optimised"] = "wsd",
    peak: Annotated[float, Gt(0)] = 8e-3,
    decay: Annotated[float, Ge(0), Lt(1)] = 0.98,
    steps: Count = 500,
    rows: Count = 8,
    length: Annotated[int, Ge(8)] = 64,
    documents: Count = 600,
    width: Annotated[int, Ge(8)] = 64,
    every: Count = 20,
) -> dict[str, float | list[float]]:
    """Train a small byte-level transformer by several schedules, and predict one from the others.

    All runs of a seed begin with the same weights and read the same rows in the same order; every
    `every` steps the same validation text is read. The law is fitted to the curves of `fitted`
    without their first tenth, and asked about `schedule`, from the step on at which it leaves all
    of them. `optimised` is the schedule, from the peak to 0, of which the law expects the lowest
    loss after the last step. `cosine`, `linear` and `wsd` fall to 0 too, the last over two fifths
    of the steps; `two_stage` falls to 0.3 of the peak at once, half-way. `power` is `annealing`
    whose falls are worth nothing.

    Measures of the run by `schedule`: `held_out_nats` a byte in the end, one number a document;
    `validation_nats` in the end, of what is read along the runs. Where there is a law: `error`,
    mean |predicted / measured − 1| from the branch on; `largest_error`; `last_error`, of the last
    step; and `fit_error`, the mean on what was fitted.

    Args:
        seed: of texts, their order and first weights.
        law: what is fitted; none for the run alone.
        fitted: schedules that it is fitted to.
        schedule: which one is measured.
        peak: the highest learning rate, of AdamW.
        decay: λ of the law of annealing, a step.
        steps: of every run.
        rows: rows a step is trained on.
        length: bytes a row.
        documents: stretches of docstrings to train on.
        width: of the transformer, which has two layers.
        every: steps between two readings.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range, a schedule that its own law is fitted to, or one that is
            to be optimised by no law that can.

    References:
        Tissue et al., Scaling Law with Learning Rate Annealing, 2024, §3. arXiv:2408.11029; Luo et
        al., A Multi-Power Law for Loss Curve Prediction Across Learning Rate Schedules, 2025, §4
        and §5. arXiv:2503.12811.
    """
    given = checked(schedule_curves, locals())
    if law != "none" and schedule in fitted:
        problem = f"schedule={schedule!r} is among those that the law is fitted to: name another."
        raise BadSetting("schedule_curves", [problem])
    if schedule == "optimised" and law != "multi_power":
        problem = f"law={law!r} has no optimum to train by: take 'multi_power'."
        raise BadSetting("schedule_curves", [problem])
    run = _Run(seed, **{one.name: given[one.name] for one in fields(_Run)[1:]})
    curves = [] if law == "none" else [_curve(run, _named(name)) for name in fitted]
    made = _fitted(law, decay, curves) if curves else None
    if schedule == "optimised" and made is not None:
        best = optimal_schedule(made.law, made.coefficients, steps=steps, peak=peak, warmup=_WARMUP)
        measured = _curve(run, Schedule("piecewise", warmup=_WARMUP, knots=best.knots))
    else:
        measured = _curve(run, _named(str(schedule)))
    found: dict[str, float | list[float]] = {
        "held_out_nats": (measured.end.nats / measured.end.tokens).tolist(),
        "validation_nats": float(measured.loss[-1]),
    }
    return found if made is None else {**found, **_errors(made, measured, curves)}


_WARMUP = 0.05


def _named(name: str) -> Schedule:
    if name == "two_stage":
        return Schedule("piecewise", warmup=_WARMUP, knots=_DROP)
    return Schedule(name, warmup=_WARMUP, floor=0.0, decay_share=0.4)  # type: ignore[arg-type]


@lru_cache(maxsize=8)
def _curve(run: _Run, schedule: Schedule) -> _Curve:
    """A run, kept for the other arms of its seed."""
    texts = read(run.seed, run.documents, run.length, _ALONG, _END)
    reader = small(Vocabulary.of_bytes(), run.width, run.length, run.seed)
    first = int(np.ceil(_SKIPPED * run.steps))
    marks = range(run.steps, first - 1, -run.every)[::-1]
    losses = along(
        reader,
        TrainingPlan(texts.train, length=run.length, rows=run.rows, seed=run.seed),
        lambda model: nats(model, texts.along),
        marks,
        steps=run.steps,
        optimizer=Optimizer(lr=run.peak),
        schedule=schedule,
        seed=run.seed,
    )
    rates = run.peak * learning_rates(schedule, run.steps)
    end = likelihood(reader, texts.end)
    return _Curve(rates, np.array(marks, np.float64), losses.mean(axis=1), end)


def _table(curves: list[_Curve]) -> dict[str, Any]:
    return {
        "step": np.concatenate([one.step for one in curves]),
        "loss": np.concatenate([one.loss for one in curves]),
        "schedule": [one.rates for one in curves for _ in one.step],
    }


def _fitted(law: str, decay: float, curves: list[_Curve]) -> Fit:
    name = "multi_power" if law == "multi_power" else f"annealing(decay={decay})"
    hold: Mapping[str, float] | None = {"C": _SLIGHT} if law == "power" else None
    return fit_law(name, _table(curves), hold=hold, bootstrap=0)


def _errors(made: Fit, measured: _Curve, curves: list[_Curve]) -> dict[str, float | list[float]]:
    own = _table([measured])
    error = np.abs(made.predict(own).value / own["loss"] - 1)
    after = own["step"] >= branch_step(measured.rates, [one.rates for one in curves])
    return {
        "error": float(error[after].mean()),
        "largest_error": float(error[after].max()),
        "last_error": float(error[-1]),
        "fit_error": float(np.abs(np.expm1(made.residuals)).mean()),
    }
