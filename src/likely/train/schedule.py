"""The learning rate over a run, as a factor of the recipe's `optimizer.lr`."""

import math

from likely.train.recipe import Schedule


def learning_rate(schedule: Schedule, step: int, steps: int) -> float:
    r"""The factor of the learning rate at one step.

    $$ \min\left(1, \frac{t + 1}{w + 1}\right) \cdot \text{decay}(t) $$
    The warm-up is linear and reaches 1 at step w, so that no step has rate 0. `cosine` falls from
    there along half a cosine to the floor. `wsd` (warm-up, stable, decay) stays at 1 and falls on
    a straight line to the floor over the last `decay_share` of the steps; 1 − √ is another shape
    in use. `constant` stays. The floor would be reached at t = `steps`, one step after the last.

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
        Hu et al., MiniCPM, 2024, §4. arXiv:2404.06395 (WSD).
    """
    if step < schedule.warmup:
        return (step + 1) / (schedule.warmup + 1)
    if schedule.name == "constant":
        return 1.0
    share = schedule.decay_share if schedule.name == "wsd" else 1.0
    begin = max(schedule.warmup, steps * (1 - share))
    done = min(max((step - begin) / max(steps - begin, 1e-9), 0.0), 1.0)
    left = 1 - done if schedule.name == "wsd" else (1 + math.cos(math.pi * done)) / 2
    return schedule.floor + (1 - schedule.floor) * left
