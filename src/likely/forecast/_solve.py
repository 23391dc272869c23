"""Many fits of one law at once: Levenberg–Marquardt on Huber's loss of the log residuals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from likely.forecast.law import Law

MOST_CELLS = 60_000
"""Candidates times runs evaluated in one go: what stays in a processor's cache is quickest."""
_LOG_FLOOR, _LOG_CEILING = -40.0, 250.0
_ITERATIONS = 400
EAGER = 0.1
EXACT, NEARLY = 1e-10, 1e-8
"""Decreases, as shares of the objective, of which three in a row end a descent."""


@dataclass(frozen=True, eq=False)
class Problem:
    """One law on one table.

    Args:
        law: what is fitted.
        prepared: its columns, as `Law.prepare` gave them.
        observed: what was measured, `[R]`, above 0.
        delta: where Huber's loss turns from square to straight, in log units.
        held: coefficients that stay as they are.
        priors: coefficient → mean and standard deviation of what is believed of it.
        prior_scale: what half a squared standardised distance from a prior costs.
    """

    law: Law
    prepared: tuple[Any, ...]
    observed: Float[np.ndarray, "R"]
    delta: float = 1e-3
    held: Mapping[str, float] = field(default_factory=dict)
    priors: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    prior_scale: float = 0.0

    @cached_property
    def free(self) -> tuple[str, ...]:
        """Coefficients that are fitted, in order."""
        return tuple(name for name in self.law.names if name not in self.held)

    @cached_property
    def is_log(self) -> Bool[np.ndarray, "K"]:
        """Which of them are fitted by their logarithm."""
        return np.array([one.is_log for one in self._free()], bool)

    def box(self) -> tuple[Float[np.ndarray, "K"], Float[np.ndarray, "K"]]:
        """Bounds of the coordinates that are searched in."""
        low, high = [], []
        for one in self._free():
            if one.is_log:
                low.append(np.log(one.low) if one.low > 0 else _LOG_FLOOR)
                high.append(np.log(one.high) if np.isfinite(one.high) else _LOG_CEILING)
            else:
                low.append(one.low)
                high.append(one.high)
        return np.array(low), np.array(high)

    def coordinates(self, values: Float[np.ndarray, "C K"]) -> Float[np.ndarray, "C K"]:
        """Where coefficients lie in the space that is searched."""
        with np.errstate(divide="ignore", invalid="ignore"):
            points = np.where(self.is_log, np.log(np.maximum(values, 1e-300)), values)
        return np.clip(points, *self.box())

    def values(self, points: Float[np.ndarray, "C K"]) -> Float[np.ndarray, "C K"]:
        """Coefficients at points of that space."""
        return np.where(self.is_log, np.exp(np.where(self.is_log, points, 0.0)), points)

    def named(self, values: Float[np.ndarray, "C K"]) -> dict[str, Any]:
        """Coefficients by name, as columns that broadcast against runs."""
        given: dict[str, Any] = {name: values[:, i, None] for i, name in enumerate(self.free)}
        return {**given, **self.held}

    def _free(self) -> list[Any]:
        return [one for one in self.law.coefficients if one.name not in self.held]


@dataclass(frozen=True, eq=False)
class Solved:
    """Where every start ended.

    Args:
        points: coordinates, `[C, K]`.
        objectives: Huber's loss there, summed over runs, `[C]`.
        steps: iterations that were needed.
    """

    points: Float[np.ndarray, "C K"]
    objectives: Float[np.ndarray, "C"]
    steps: int


def minimise(
    problem: Problem,
    starts: Float[np.ndarray, "C K"],
    weights: Float[np.ndarray, "C R"] | None = None,
    pinned: Bool[np.ndarray, "K"] | None = None,
    flat: float = NEARLY,
) -> Solved:
    """Descend from every start.

    Args:
        problem: the law and its table.
        starts: coordinates, one row a start.
        weights: how often each run counts, one row a start; once where left out.
        pinned: coordinates that stay where the start has them.
        flat: the decrease at which a descent ends.

    Returns:
        The ends, in the order of the starts.
    """
    rows = len(problem.observed)
    chunk = max(1, MOST_CELLS // max(rows, 1))
    points, objectives, steps = [], [], 0
    for begin in range(0, len(starts), chunk):
        part = slice(begin, begin + chunk)
        some = None if weights is None else weights[part]
        found = _Descent(problem, starts[part], some, pinned, flat).run()
        points.append(found.points)
        objectives.append(found.objectives)
        steps = max(steps, found.steps)
    return Solved(np.concatenate(points), np.concatenate(objectives), steps)


class _Descent:
    """The state of one batch of descents; those that have arrived are left out of the work."""

    def __init__(
        self,
        problem: Problem,
        starts: Float[np.ndarray, "C K"],
        weights: Float[np.ndarray, "C R"] | None,
        pinned: Bool[np.ndarray, "K"] | None,
        flat: float,
    ) -> None:
        self.problem, self.weights, self.flat = problem, weights, flat
        self.low, self.high = problem.box()
        # Where a law goes through all points, the objective is nothing and can only fall by less.
        self.nothing = 1e-15 * len(problem.observed)
        self.pinned = np.zeros(len(self.low), bool) if pinned is None else pinned
        self.points = np.array(starts, np.float64)
        self.damping = np.full(len(starts), 1e-3)
        self.quiet = np.zeros(len(starts), int)
        self.objectives, self.slopes, self.curves = look(problem, self.points, weights)

    def run(self) -> Solved:
        """Until no descent moves any more."""
        alive, done = np.arange(len(self.points)), 0
        while len(alive) and done < _ITERATIONS:
            self._step(alive)
            alive = alive[(self.quiet[alive] < 3) & (self.damping[alive] < 1e14)]
            done += 1
        return Solved(self.points, self.objectives, done)

    def _step(self, alive: Any) -> None:
        points, slopes = self.points[alive], self.slopes[alive]
        curves, damping = self.curves[alive], self.damping[alive]
        # A coordinate at its bound whose slope points outwards has nowhere to go.
        stuck = (points <= self.low) & (slopes > 0) | (points >= self.high) & (slopes < 0)
        stuck |= self.pinned
        slopes = np.where(stuck, 0.0, slopes)
        off = stuck[:, :, None] | stuck[:, None, :]
        diagonal = np.einsum("ckk->ck", curves)
        # What has no curvature at all is held by the largest curvature there is.
        floor = 1e-12 * diagonal.max(axis=1, keepdims=True) + 1e-300
        scale = np.where(stuck, 1.0, np.maximum(diagonal, floor))
        curves = np.where(off, 0.0, curves)
        places = np.arange(scale.shape[1])
        curves[:, places, places] = scale * (1 + damping[:, None])
        root = np.sqrt(np.einsum("ckk->ck", curves))
        scaled = curves / (root[:, :, None] * root[:, None, :])
        move = -np.linalg.solve(scaled, (slopes / root)[:, :, None])[:, :, 0] / root
        trial = np.clip(points + np.clip(move, -4.0, 4.0), self.low, self.high)
        some = None if self.weights is None else self.weights[alive]
        objectives, new_slopes, new_curves = look(self.problem, trial, some)
        before = self.objectives[alive]
        better = objectives < before
        # A start where the law gives no loss is infinitely bad, and so may its trial be.
        with np.errstate(invalid="ignore"):
            small = before - objectives <= self.flat * before + self.nothing
        won, lost = alive[better], alive[~better]
        self.points[won], self.objectives[won] = trial[better], objectives[better]
        self.slopes[won], self.curves[won] = new_slopes[better], new_curves[better]
        self.damping[won] = np.maximum(self.damping[won] / 5, 1e-9)
        self.damping[lost] *= 4
        self.quiet[alive] = np.where(better & ~small, 0, self.quiet[alive] + (better & small))
        # A step so small that the point is the same to the last digits ends a descent as well.
        still = np.abs(trial - points).max(axis=1) <= 1e-11 * (1 + np.abs(points).max(axis=1))
        self.quiet[alive[still]] = 3


def look(
    problem: Problem,
    points: Float[np.ndarray, "C K"],
    weights: Float[np.ndarray, "C R"] | None = None,
) -> tuple[Float[np.ndarray, "C"], Float[np.ndarray, "C K"], Float[np.ndarray, "C K K"]]:
    """Objective, slope and curvature at points.

    The curvature is that of Gauss and Newton, with less of it where Huber's loss is straight: never
    indefinite, and enough near an optimum.

    Args:
        problem: the law and its table.
        points: coordinates.
        weights: how often each run counts at each of them.

    Returns:
        The objective (infinite where the law gives no loss), its slope, its curvature.
    """
    values, delta = problem.values(points), problem.delta
    log_observed, is_log = np.log(problem.observed), problem.is_log
    with np.errstate(all="ignore"):
        predicted, partials = problem.law.derivatives(problem.prepared, problem.named(values))
        predicted = np.broadcast_to(predicted, (len(points), len(log_observed)))
        residuals = np.log(predicted) - log_observed
        loss, size = huber(residuals, delta), np.abs(residuals)
        pull = np.minimum(1.0, delta / np.maximum(size, 1e-300))
        # Reweighted in full, the curvature bounds the loss from above, and steps are small. A tenth
        # of it makes them long; where one was too long, the damping takes it back.
        curved = np.where(size <= delta, 1.0, EAGER * pull)
        if weights is not None:
            loss, pull, curved = loss * weights, pull * weights, curved * weights
        objectives = loss.sum(axis=1)
        jacobian = np.empty((len(points), len(problem.free), len(log_observed)))
        for i, name in enumerate(problem.free):
            by_point = values[:, i, None] if is_log[i] else 1.0
            jacobian[:, i] = partials[name] * by_point / predicted
        slopes = np.einsum("ckr,cr->ck", jacobian, pull * residuals)
        curves = (jacobian * curved[:, None, :]) @ jacobian.transpose(0, 2, 1)
    _believe(problem, values, objectives, slopes, curves)
    bad = ~np.isfinite(objectives) | ~np.isfinite(curves).all(axis=(1, 2))
    objectives[bad], slopes[bad], curves[bad] = np.inf, 0.0, np.eye(curves.shape[1])
    return objectives, slopes, curves


def huber(residuals: Any, delta: float) -> Any:
    """Half the square near 0, a straight line beyond delta.

    Args:
        residuals: in log units.
        delta: where it turns.

    Returns:
        The loss of each.
    """
    size = np.abs(residuals)
    return np.where(size <= delta, 0.5 * residuals**2, delta * (size - 0.5 * delta))


def _believe(problem: Problem, values: Any, objectives: Any, slopes: Any, curves: Any) -> None:
    """Add what priors cost."""
    for name, (mean, deviation) in problem.priors.items():
        if name not in problem.free:
            continue
        i = problem.free.index(name)
        scale = values[:, i] if problem.is_log[i] else np.ones(len(values))
        away = (values[:, i] - mean) / deviation
        objectives += 0.5 * problem.prior_scale * away**2
        slopes[:, i] += problem.prior_scale * away * scale / deviation
        curves[:, i, i] += problem.prior_scale * (scale / deviation) ** 2
