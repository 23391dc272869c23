"""Learning rates of every step, as arrays, and where one schedule leaves the others.

Entry t is the rate of step t + 1, as `likely.train.schedule.learning_rate` gives it at t.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from jaxtyping import Float

from likely.core.errors import BadInput, BadSetting
from likely.core.settings import checked

Rates = Float[np.ndarray, "_"]
Steps = Annotated[int, Ge(1)]
Peak = Annotated[float, Gt(0), Lt(inf)]
Warmup = Annotated[int, Ge(0)] | Annotated[float, Gt(0), Lt(1)]
Factor = Annotated[float, Ge(0), Le(1)]
Decay = Literal["linear", "sqrt", "cosine", "exponential"]
Knots = tuple[tuple[Factor, Factor], ...]


def constant(*, steps: Steps, peak: Peak = 1.0, warmup: Warmup = 0) -> Rates:
    """A rate that stays after its warm-up.

    Args:
        steps: of the run.
        peak: the highest rate.
        warmup: linear warm-up, in steps, or below 1 as a share of them.

    Returns:
        One rate a step.

    Raises:
        BadSetting: a setting of the wrong type or out of range.

    Example:
        >>> constant(steps=4, warmup=1).tolist()
        [0.5, 1.0, 1.0, 1.0]
    """
    checked(constant, locals())
    return _warmed(steps, peak, warmup, lambda step, _: np.ones(len(step)))


def cosine(*, steps: Steps, peak: Peak = 1.0, warmup: Warmup = 0, floor: Factor = 0.1) -> Rates:
    """Half a cosine from the end of the warm-up to the end of the run.

    Args:
        steps: of the run.
        peak: the highest rate.
        warmup: linear warm-up, in steps, or below 1 as a share of them.
        floor: where it ends, as a factor of the peak.

    Returns:
        One rate a step.

    Raises:
        BadSetting: a setting of the wrong type or out of range.

    Example:
        >>> cosine(steps=4, floor=0.0).round(3).tolist()
        [1.0, 0.854, 0.5, 0.146]
    """
    checked(cosine, locals())
    return _decayed(steps, peak, warmup, floor, "cosine", 1.0)


def linear(*, steps: Steps, peak: Peak = 1.0, warmup: Warmup = 0, floor: Factor = 0.1) -> Rates:
    """A straight line from the end of the warm-up to the end of the run.

    Args:
        steps: of the run.
        peak: the highest rate.
        warmup: linear warm-up, in steps, or below 1 as a share of them.
        floor: where it ends, as a factor of the peak.

    Returns:
        One rate a step.

    Raises:
        BadSetting: a setting of the wrong type or out of range.

    Example:
        >>> linear(steps=4, floor=0.0).tolist()
        [1.0, 0.75, 0.5, 0.25]
    """
    checked(linear, locals())
    return _decayed(steps, peak, warmup, floor, "linear", 1.0)


def wsd(
    *,
    steps: Steps,
    peak: Peak = 1.0,
    warmup: Warmup = 0,
    floor: Factor = 0.1,
    decay_share: Annotated[float, Gt(0), Le(1)] = 0.2,
    decay: Decay = "linear",
) -> Rates:
    """Warm-up, stable, decay: the rate stays, and falls over the last part of the run.

    Args:
        steps: of the run.
        peak: the highest rate.
        warmup: linear warm-up, in steps, or below 1 as a share of them.
        floor: where it ends, as a factor of the peak; above 0 for `exponential`.
        decay_share: share of the steps over which it falls.
        decay: the line along which it falls; `sqrt` is one minus the root of what is done.

    Returns:
        One rate a step.

    Raises:
        BadSetting: a setting of the wrong type or out of range.

    Example:
        >>> wsd(steps=4, floor=0.25, decay_share=0.5, decay="exponential").tolist()
        [1.0, 1.0, 1.0, 0.5]

    References:
        Hu et al., MiniCPM, 2024, §4. arXiv:2404.06395 (exponential);
        Hägele et al., Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations,
        2024, eq. 2. arXiv:2405.18392 (one minus the root).
    """
    checked(wsd, locals())
    if decay == "exponential" and floor == 0:
        raise BadSetting("wsd", ["floor=0 should be more than 0: no exponential decay ends there."])
    return _decayed(steps, peak, warmup, floor, decay, decay_share)


def two_stage(
    *,
    steps: Steps,
    at: Annotated[int, Ge(0)],
    factor: Annotated[float, Ge(0), Lt(inf)],
    peak: Peak = 1.0,
    warmup: Warmup = 0,
) -> Rates:
    """One rate, and another from some step on.

    Args:
        steps: of the run.
        at: steps taken at the first rate, those of the warm-up among them.
        factor: the second rate, as a factor of the first.
        peak: the first rate.
        warmup: linear warm-up, in steps, or below 1 as a share of them.

    Returns:
        One rate a step.

    Raises:
        BadSetting: a setting of the wrong type or out of range.

    Example:
        >>> two_stage(steps=4, at=2, factor=0.1).tolist()
        [1.0, 1.0, 0.1, 0.1]
    """
    checked(two_stage, locals())
    return _warmed(steps, peak, warmup, lambda step, _: np.where(step < at, 1.0, factor))


def piecewise(*, steps: Steps, knots: Knots, peak: Peak = 1.0, warmup: Warmup = 0) -> Rates:
    """Straight lines between knots, over the steps after the warm-up.

    Args:
        steps: of the run.
        knots: share of the steps after the warm-up, and factor of the peak there; shares rise
            from 0 to 1.
        peak: the highest rate.
        warmup: linear warm-up, in steps, or below 1 as a share of them.

    Returns:
        One rate a step.

    Raises:
        BadSetting: a setting of the wrong type or out of range.

    Example:
        >>> piecewise(steps=4, knots=((0.0, 1.0), (0.5, 1.0), (1.0, 0.0))).tolist()
        [1.0, 1.0, 1.0, 0.5]
    """
    checked(piecewise, locals())
    shares, factors = np.array(knots, np.float64).reshape(-1, 2).T
    rises = len(shares) > 1 and (np.diff(shares) > 0).all()
    if not (rises and shares[0] == 0 and shares[-1] == 1):
        raise BadSetting("piecewise", ["knots: shares should rise from 0 to 1."])
    return _warmed(
        steps,
        peak,
        warmup,
        lambda step, first: np.interp((step - first) / max(steps - first, 1), shares, factors),
    )


def branch_step(schedule: Rates, others: Sequence[Rates]) -> int:
    """The first step whose rate no other schedule shares up to there.

    Runs that share their rates up to a step, and their seed, are one run up to it: what was
    measured before is no test of a law that was fitted to the others.

    Args:
        schedule: the run that is predicted.
        others: the runs that the law was fitted to.

    Returns:
        A step, counted from 1: score what was measured at it or later. One more than the last
        step where another schedule holds all of this one.

    Raises:
        BadInput: there are no others.

    Example:
        >>> branch_step(np.array([1.0, 1.0, 0.5]), [np.ones(9), np.array([1.0, 0.5])])
        3
    """
    if not others:
        raise BadInput("A schedule branches from others, and there are none: name those fitted.")
    return 1 + max(_shared(schedule, other) for other in others)


def _shared(one: Rates, other: Rates) -> int:
    """How many first steps of two schedules have the same rates, up to rounding."""
    length = min(len(one), len(other))
    apart = ~np.isclose(one[:length], other[:length], rtol=1e-9, atol=0.0)
    return int(apart.argmax()) if apart.any() else length


def _decayed(
    steps: int, peak: float, warmup: int | float, floor: float, decay: str, decay_share: float
) -> Rates:
    def factor(step: Rates, first: int) -> Rates:
        begin = max(first, steps * (1 - decay_share))
        done = np.clip((step - begin) / max(steps - begin, 1e-9), 0.0, 1.0)
        if decay == "exponential":
            return np.asarray(floor**done)
        return floor + (1 - floor) * _LEFT[decay](done)

    return _warmed(steps, peak, warmup, factor)


_LEFT: dict[str, Callable[[Rates], Rates]] = {
    "linear": lambda done: 1 - done,
    "sqrt": lambda done: 1 - np.sqrt(done),
    "cosine": lambda done: (1 + np.cos(np.pi * done)) / 2,
}


def _warmed(
    steps: int, peak: float, warmup: int | float, factor: Callable[[Rates, int], Rates]
) -> Rates:
    """Rates with a warm-up that reaches the peak at its end, so that no step has rate 0."""
    first = int(warmup * steps) if warmup < 1 else int(warmup)
    step = np.arange(steps, dtype=np.float64)
    return peak * np.where(step < first, (step + 1) / (first + 1), factor(step, first))
