"""What each arm tries: as many trials as every other arm, over the learning rate and its knobs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Point:
    """One trial.

    Args:
        rate: factor of the recipe's learning rate.
        knobs: settings of the objective.
    """

    rate: float
    knobs: Mapping[str, Any]


def rates(trials: int, span: float) -> list[float]:
    """Factors of the learning rate, evenly spaced on a log scale, the recipe's own among them.

    Args:
        trials: how many.
        span: the highest factor; the lowest is one over it where the number is odd.

    Returns:
        Factors, rising.

    Example:
        >>> rates(5, 4.0), rates(2, 4.0), rates(1, 4.0)
        ([0.25, 0.5, 1.0, 2.0, 4.0], [1.0, 4.0], [1.0])
    """
    if trials < 2:
        return [1.0] * trials
    half = trials // 2
    return [span ** (place / half) for place in range(-((trials - 1) // 2), half + 1)]


def points(
    trials: int, span: float, grid: Mapping[str, Sequence[Any]], usual: Mapping[str, Any]
) -> list[Point]:
    """The trials of one arm.

    Every arm tries the same rates, once each. An arm with knobs turns them along with the rate: a
    lattice over rates × knobs, in which every value of a knob is tried about equally often and in
    no line with the rate. The recipe's own rate is tried with the usual values, so that the arm as
    it was written down is always among its trials. Nothing is drawn.

    Args:
        trials: how many.
        span: of the rates.
        grid: knob → values; empty for an arm that has only the rate.
        usual: knob → its value without tuning.

    Returns:
        The trials, from the lowest rate to the highest.

    Example:
        >>> [(p.rate, p.knobs["k"]) for p in points(5, 4.0, {"k": (3, 4, 8, 32)}, {"k": 4})]
        [(0.25, 8), (0.5, 3), (1.0, 4), (2.0, 32), (4.0, 4)]

    References:
        Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, 2012 (why a grid over
        two settings wastes trials); Korobov 1959 (lattices).
    """
    columns = {
        knob: [values[at] for at in _column(trials - 1, len(values), number, len(grid))]
        for number, (knob, values) in enumerate(grid.items(), start=1)
    }
    made = []
    for rate in rates(trials, span):
        own = rate == 1.0
        made.append(Point(rate, {k: usual[k] if own else columns[k].pop(0) for k in grid}))
    return made


def _column(trials: int, values: int, number: int, count: int) -> list[int]:
    """Which value of a knob each trial takes: ranks of a Kronecker sequence, cut into values."""
    step = _ratio(count) ** -number
    at = [math.modf((place + 1) * step)[0] for place in range(trials)]
    rank = {place: nth for nth, place in enumerate(sorted(range(trials), key=at.__getitem__))}
    return [rank[place] * values // trials for place in range(trials)]


def _ratio(count: int) -> float:
    """The root above 1 of x^(count + 1) = x + 1: the golden ratio for one knob."""
    root = 2.0
    for _ in range(64):
        root = (1 + root) ** (1 / (count + 1))
    return root


def edges(arm: str, chosen: Point, tried: Sequence[Point], lr: float) -> tuple[str, ...]:
    """Sentences about chosen values at the end of what was tried: a better one may lie beyond.

    Args:
        arm: its name.
        chosen: the best trial.
        tried: all trials.
        lr: the recipe's learning rate.

    Returns:
        One sentence for each edge.

    Example:
        >>> tried = points(3, 4.0, {}, {})
        >>> edges("emo", tried[2], tried, 0.003)
        ('emo: the learning rate chosen, 0.012, is the highest tried.',)
    """
    said = []
    columns = {"learning rate": ([p.rate * lr for p in tried], chosen.rate * lr)}
    columns |= {knob: ([p.knobs[knob] for p in tried], chosen.knobs[knob]) for knob in chosen.knobs}
    for name, (values, value) in columns.items():
        different = set(values)
        if len(different) < 2 or not all(_number(one) for one in different):
            continue
        for end, word in ((min(different), "lowest"), (max(different), "highest")):
            if value == end:
                said.append(f"{arm}: the {name} chosen, {value:g}, is the {word} tried.")
    return tuple(said)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
