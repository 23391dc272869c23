"""The learning rate over a run, as a factor of the recipe's `optimizer.lr`."""

import math
from bisect import bisect_right
from operator import itemgetter

import numpy as np
from jaxtyping import Float

from likely.core.words import shown
from likely.train.recipe import Schedule


def learning_rate(schedule: Schedule, step: int, steps: int) -> float:
    r"""The factor of the learning rate at one step.

    $$ \min\left(1, \frac{t + 1}{w + 1}\right) \cdot \text{decay}(t) $$
    The warm-up is linear and reaches 1 at step w, so that no step has rate 0. From there `cosine`
    falls along half a cosine to the floor, and `linear` on a straight line. `inverse_sqrt` falls
    as √((w + 1) / (t + 1)) and knows neither floor nor end. `wsd` (warm-up, stable, decay) stays at
    1 and falls to the floor over the last `decay_share` of the steps: on a straight line, as 1 − √
    of the share of the decay that is done, or along half a cosine. `piecewise` is straight between
    its knots. `constant` stays. The floor, or the last knot, would be reached at t = `steps`, one
    step after the last.

    Args:
        schedule: its shape.
        step: t, steps taken before this one, from 0.
        steps: steps of the whole run.

    Returns:
        A factor in [0, 1].

    Example:
        >>> [learning_rate(Schedule("wsd", warmup=1, floor=0.0), t, 10) for t in (0, 1, 8, 9)]
        [0.5, 1.0, 1.0, 0.5]

    References:
        Loshchilov and Hutter, SGDR, 2017, eq. 5. arXiv:1608.03983 (cosine);
        Vaswani et al., Attention Is All You Need, 2017, eq. 3. arXiv:1706.03762 (inverse_sqrt);
        Hu et al., MiniCPM, 2024, §4. arXiv:2404.06395 (WSD);
        Hägele et al., Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations,
        2024, eq. 2. arXiv:2405.18392 (its decay as 1 − √).
    """
    warmup = warmup_steps(schedule, steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule.name == "constant":
        return 1.0
    if schedule.name == "inverse_sqrt":
        return math.sqrt((warmup + 1) / (step + 1))
    if schedule.name == "piecewise":
        return _between(schedule.knots, (step - warmup) / max(steps - warmup, 1))
    share = schedule.decay_share if schedule.name == "wsd" else 1.0
    begin = max(warmup, steps * (1 - share))
    done = min(max((step - begin) / max(steps - begin, 1e-9), 0.0), 1.0)
    shape = schedule.decay if schedule.name == "wsd" else schedule.name
    return schedule.floor + (1 - schedule.floor) * _left(shape, done)


def learning_rates(schedule: Schedule, steps: int) -> Float[np.ndarray, "_"]:
    """The factor of the learning rate at every step of a run.

    Args:
        schedule: its shape.
        steps: of the whole run.

    Returns:
        One a step.
    """
    return np.array([learning_rate(schedule, step, steps) for step in range(steps)])


def warmup_steps(schedule: Schedule, steps: int) -> int:
    """Steps of warm-up.

    Args:
        schedule: gives them, or their share.
        steps: of the whole run.

    Returns:
        w; a share is rounded down.
    """
    return int(schedule.warmup * steps) if schedule.warmup < 1 else int(schedule.warmup)


def knot_problems(schedule: Schedule) -> list[str]:
    """What is wrong with knots, beyond the range of each number.

    Args:
        schedule: has them, if it is `piecewise`.

    Returns:
        Sentences; none where all is well.

    Example:
        >>> knot_problems(Schedule("piecewise", knots=((0.0, 1.0), (1.0, 0.0))))
        []
    """
    shares = [share for share, _ in schedule.knots]
    if schedule.name != "piecewise":
        other = f"schedule.knots belongs to name='piecewise', not to {schedule.name!r}: leave it "
        return [f"{other}out, or change the name."] if shares else []
    if shares[:1] == [0] and shares[-1:] == [1] and shares == sorted(set(shares)):
        return []
    return [
        f"schedule.knots={shown(schedule.knots)} should be pairs of a share of the steps and a "
        "factor, with shares that rise from 0 to 1, such as [[0, 1], [0.8, 1], [1, 0]]."
    ]


def _between(knots: tuple[tuple[float, float], ...], done: float) -> float:
    """The factor at a share of the steps, on a straight line between two knots."""
    place = min(max(bisect_right(knots, done, key=itemgetter(0)), 1), len(knots) - 1)
    (left, high), (right, low) = knots[place - 1], knots[place]
    return high + (low - high) * (done - left) / (right - left)


def _left(shape: str, done: float) -> float:
    """How much of the way down is left."""
    if shape == "linear":
        return 1 - done
    if shape == "sqrt":
        return 1 - math.sqrt(done)
    return (1 + math.cos(math.pi * done)) / 2
