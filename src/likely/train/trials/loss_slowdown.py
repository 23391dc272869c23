"""Loss slowdown: where a training curve bends, and whether what tokens gain cancels from there."""

from functools import lru_cache
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt
from jaxtyping import Float

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data.packing import TrainingPlan
from likely.forecast.fit import fit as fit_law
from likely.forecast.laws.deceleration import deceleration_point
from likely.forecast.zero_sum import zero_sum
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._curves import along, nats, read
from likely.train.trials._small import small

Count = Annotated[int, Ge(1)]
_ALONG = 8192
"""Bytes of validation text that are read along a run."""


def loss_slowdown(
    seed: int,
    *,
    rate: Annotated[float, Gt(0)] = 1e-3,
    warmup: Count = 2,
    steps: Count = 400,
    rows: Count = 8,
    length: Annotated[int, Ge(8)] = 64,
    documents: Count = 600,
    width: Annotated[int, Ge(8)] = 64,
    checkpoints: Annotated[int, Ge(12)] = 40,
    apart: Annotated[float, Gt(1), Lt(10)] = 1.5,
) -> dict[str, float | list[float]]:
    """Train a small byte-level transformer at a constant rate, and look at it in logarithms.

    Validation text is read at checkpoints that are evenly spaced in the logarithm of the step, from
    twice the warm-up on. Two straight lines with a bend between them are fitted to the losses;
    where they meet is t_d. Interference is measured between the checkpoints next to t and
    t · `apart`, token by token.

    Measures: `bend_step`, t_d; `rate_before` and `rate_after`, at which the loss falls as a power
    of the step; `fit_error` of the two lines, mean |predicted / measured − 1|, and `line_error` of
    a single one; `interference_before`, the mean over all pairs of checkpoints that end at t_d or
    earlier, `interference_at`, of those that hold t_d, and `interference_after`, of those that
    begin at t_d or later; `magnitude_before` and `magnitude_after`, nats that a token's loss moves
    by in the mean; `rise_step`, the middle of the first pair whose interference has risen half-way
    from the mean before to the mean after, and `rise_from_bend`, |ln| of it over t_d. `inside` is
    1 where t_d leaves a pair before it and one after it, else 0, and then the three interferences
    are those of the thirds of the curve.

    Args:
        seed: of texts, their order and first weights.
        rate: of AdamW, after the warm-up.
        warmup: steps.
        steps: of training.
        rows: rows a step is trained on.
        length: bytes a row.
        documents: stretches of docstrings to train on.
        width: of the transformer, which has two layers.
        checkpoints: at which the text is read, about.
        apart: step of the later checkpoint of a pair over that of the earlier one.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range, or a run too short for its warm-up.

    References:
        Mircea et al., Training Dynamics Underlying Language Model Scaling Laws: Loss Deceleration
        and Zero-Sum Learning, 2025. arXiv:2506.05447.
    """
    given = checked(loss_slowdown, locals())
    first = 2 * warmup
    if steps < 8 * first:
        problem = f"steps={steps} should be at least {8 * first}, sixteen times the warm-up."
        raise BadSetting("loss_slowdown", [problem])
    marks = np.unique(np.geomspace(first, steps, checkpoints).round().astype(int))
    run = (given["rate"], warmup, steps, rows, length, documents, width)
    losses = _losses(seed, tuple(marks.tolist()), *run)
    step, loss = marks.astype(np.float64), losses.mean(axis=1)
    made = fit_law("deceleration", {"step": step, "loss": loss}, bootstrap=0)
    bend, _, after = (float(one) for one in deceleration_point(made.coefficients))
    line = np.polynomial.polynomial.Polynomial.fit(np.log(step), np.log(loss), 1)
    return {
        "bend_step": bend,
        "rate_before": float(made.coefficients["c0"]),
        "rate_after": after,
        "fit_error": float(np.abs(np.expm1(made.residuals)).mean()),
        "line_error": float(np.abs(np.expm1(np.log(loss) - line(np.log(step)))).mean()),
        **_interference(step, losses, apart, bend),
    }


def _interference(
    step: Float[np.ndarray, "K"], losses: Float[np.ndarray, "K N"], apart: float, bend: float
) -> dict[str, float]:
    """Means of interference and of magnitude over pairs of checkpoints, by where they lie."""
    later = [int(np.abs(np.log(step / (one * apart))).argmin()) for one in step]
    pairs = [(i, j) for i, j in enumerate(later) if step[i] * apart <= step[-1] * 1.01 and j > i]
    begin, end = (step[[pair[side] for pair in pairs]] for side in (0, 1))
    found = [zero_sum(losses[i], losses[j]) for i, j in pairs]
    cancelled, moved = (
        np.array([getattr(one, name) for one in found]) for name in ("interference", "magnitude")
    )
    places = [end <= bend, (begin < bend) & (end > bend), begin >= bend]
    inside = all(place.any() for place in places)
    if not inside:
        places = list(np.eye(3, dtype=bool)[:, np.arange(len(pairs)) * 3 // len(pairs)])
    before, at, after = (float(cancelled[place].mean()) for place in places)
    first = int((cancelled >= (before + after) / 2).argmax())
    rise = float(np.sqrt(begin[first] * end[first]))
    return {
        "inside": float(inside),
        "interference_before": before,
        "interference_at": at,
        "interference_after": after,
        "rise_step": rise,
        "rise_from_bend": float(abs(np.log(rise / bend))),
        "magnitude_before": float(moved[places[0]].mean()),
        "magnitude_after": float(moved[places[2]].mean()),
    }


@lru_cache(maxsize=2)
def _losses(
    seed: int,
    marks: tuple[int, ...],
    rate: float,
    warmup: int,
    steps: int,
    rows: int,
    length: int,
    documents: int,
    width: int,
) -> Float[np.ndarray, "K N"]:
    texts = read(seed, documents, length, _ALONG, _ALONG)
    return along(
        small(Vocabulary.of_bytes(), width, length, seed),
        TrainingPlan(texts.train, length=length, rows=rows, seed=seed),
        lambda model: nats(model, texts.along),
        marks,
        steps=steps,
        optimizer=Optimizer(lr=rate),
        schedule=Schedule("constant", warmup=warmup),
        seed=seed,
    )
