"""What a curve and a schedule must be, and how much of a curve is enough to forecast from."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from likely.core.errors import BadInput, ShapeError
from likely.forecast._running_points import Measured

Curve = Float[np.ndarray, "_"] | Int[np.ndarray, "_"] | Sequence[float] | Sequence[int]

FEWEST = 30
"""Losses after the warm-up, below which nothing is said; of validation text alone, a third."""
LEAST_SEEN = 0.15
"""Share of the steps after the warm-up below which nothing is said."""
EARLY = 0.2
"""Share of the curve so far that is not read: no law of schedules holds at the beginning."""
FEWEST_STEPS = 200
"""After the warm-up: before, a model learns how often each token is, on a curve of its own."""


def start_of(rates: Float[np.ndarray, "_"], now: float) -> float:
    """The last step that is not read.

    Args:
        rates: of every step of the run.
        now: steps taken.

    Returns:
        That of the highest rate, where the warm-up ends, or a share of the curve.
    """
    return max(float(rates.argmax()), EARLY * now)


def why_early(
    train: Measured, other: Measured, rates: Float[np.ndarray, "_"], seen: float
) -> str | None:
    """Why nothing can be said yet.

    Args:
        train: the curve of training.
        other: that of validation text.
        rates: of every step of the run.
        seen: share of the steps that were taken.

    Returns:
        One sentence; None where there is enough.
    """
    warmup = int(rates.argmax())
    steps = round(seen * len(rates)) - warmup
    share = steps / max(len(rates) - warmup, 1)
    start = start_of(rates, seen * len(rates))
    losses, evaluations = (float(one.from_step(start).counts.sum()) for one in (train, other))
    if share < LEAST_SEEN:
        return (
            f"Too early: {max(share, 0):.0%} of the steps after the warm-up were taken, and before "
            f"{LEAST_SEEN:.0%} a curve does not say where it goes."
        )
    if steps < FEWEST_STEPS:
        return (
            f"Too early: {max(steps, 0)} steps were taken after the warm-up; the first "
            f"{FEWEST_STEPS} follow no law."
        )
    enough = losses >= FEWEST and len(train.from_step(start).steps) >= FEWEST // 3
    if enough or evaluations >= FEWEST // 3:
        return None
    return (
        f"Too few points: {losses:.0f} losses of training and {evaluations:.0f} evaluations after "
        f"the beginning, and {FEWEST} or {FEWEST // 3} are needed: log more often."
    )


def rates_of(rates: Float[np.ndarray, "_"]) -> Float[np.ndarray, "_"]:
    """The rates as shares of the highest.

    Args:
        rates: of every step of the run.

    Returns:
        Numbers from 0 to 1.

    Raises:
        BadInput: they are none.
    """
    if not len(rates) or not np.isfinite(rates).all() or rates.min() < 0 or not rates.max():
        raise BadInput(
            "rates should be the learning rate of every step of the run, finite, at least 0 and "
            "not 0 everywhere."
        )
    return np.asarray(rates / rates.max(), np.float64)


def curve_of(
    name: str, steps: Curve, losses: Curve, counts: Curve | None, rates: Float[np.ndarray, "_"]
) -> Measured:
    """A curve from what was given.

    Args:
        name: for messages.
        steps: rising.
        losses: as many; what is not finite or not above 0 is left out.
        counts: how many losses each is the mean of; 1 if left out.
        rates: of every step of the run.

    Returns:
        The curve.

    Raises:
        ShapeError: other numbers of steps and losses.
        BadInput: steps that do not rise, or that the schedule does not have.
    """
    at, values = np.asarray(steps, np.float64), np.asarray(losses, np.float64)
    weights = np.ones(len(at)) if counts is None else np.asarray(counts, np.float64)
    if not len(at) == len(values) == len(weights):
        raise ShapeError(
            f"{name}: {len(at)} steps, {len(values)} losses and {len(weights)} counts cannot be "
            "one curve."
        )
    if len(at) and ((np.diff(at) <= 0).any() or at[0] < 1 or at[-1] > len(rates)):
        raise BadInput(
            f"{name}: steps should rise from 1 to at most {len(rates)}, the steps of the schedule; "
            f"here are {at[0]:g} to {at[-1]:g}."
        )
    good = np.isfinite(values) & (values > 0) & (weights > 0)
    return Measured(at[good], values[good], weights[good])
