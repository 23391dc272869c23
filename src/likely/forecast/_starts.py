"""Where descents begin: a grid of what is not linear, the rest by least squares."""

import inspect
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Float

from likely.forecast._solve import Problem, huber

MOST_STARTS = 6_000


def grid_starts(problem: Problem, count: int) -> Float[np.ndarray, "C K"]:
    """The best points of a grid.

    Over the coefficients that a law is not linear in, every combination of its grid; over the
    others, relative least squares, without negative values where the law allows none.

    Args:
        problem: the law and its table.
        count: how many to keep.

    Returns:
        Coordinates of the best, best first.
    """
    grid = _grid(problem)
    names = list(grid)
    combinations = np.array(list(product(*grid.values())), np.float64)
    if len(combinations) > MOST_STARTS:
        chosen = np.random.default_rng(0).choice(len(combinations), MOST_STARTS, replace=False)
        combinations = combinations[np.sort(chosen)]
    known = {name: combinations[:, i] for i, name in enumerate(names)}
    known.update(_linear(problem, known, len(combinations)))
    values = np.stack([np.broadcast_to(known[name], len(combinations)) for name in problem.free], 1)
    points = problem.coordinates(values)
    order = np.argsort(objective_of(problem, points), kind="stable")
    return points[order[:count]]


def objective_of(problem: Problem, points: Float[np.ndarray, "C K"]) -> Float[np.ndarray, "C"]:
    """Huber's loss of the log residuals at points; infinite where the law gives no loss.

    Args:
        problem: the law and its table.
        points: coordinates.

    Returns:
        One sum a point.
    """
    with np.errstate(all="ignore"):
        predicted = problem.law.predict(problem.prepared, problem.named(problem.values(points)))
        loss = huber(np.log(predicted) - np.log(problem.observed), problem.delta)
        total = np.broadcast_to(loss, (len(points), len(problem.observed))).sum(axis=1)
    return np.where(np.isfinite(total), total, np.inf)


def _grid(problem: Problem) -> dict[str, Any]:
    parts, law = problem.law.parts, problem.law
    own = getattr(parts, "starts", None)
    grid: Mapping[str, Any] = (
        own(*problem.prepared, problem.observed) if own else getattr(parts, "STARTS", {})
    )
    linear = _linear_names(problem, grid)
    missing = [n for n in problem.free if n not in grid and n not in linear]
    tries = np.geomspace(1e-2, 1e2, 9) if len(missing) < 4 else np.geomspace(1e-1, 1e1, 4)
    guessed = {}
    for one in law.coefficients:
        if one.name in missing:
            low, high = max(one.low, -1e3), min(one.high, 1e3)
            inside = tries[(tries > low) & (tries < high)]
            guessed[one.name] = inside if len(inside) else np.linspace(low, high, 5)[1:-1]
    return {n: v for n, v in {**grid, **guessed}.items() if n in problem.free} or {"": [0.0]}


def _linear_names(problem: Problem, grid: Mapping[str, Any]) -> set[str]:
    own = getattr(problem.law.parts, "linear", None)
    if own is None:
        return set()
    return {name for name in problem.free if name not in grid}


def _linear(problem: Problem, known: dict[str, Any], count: int) -> dict[str, Any]:
    """The coefficients a law is linear in, by relative least squares at every grid point."""
    own = getattr(problem.law.parts, "linear", None)
    wanted = [name for name in problem.free if name not in known]
    known.pop("", None)
    if own is None or not wanted:
        return {}
    held = {name: problem.held[name] for name in problem.law.names if name in problem.held}
    others = {name: values[:, None] for name, values in known.items()}
    with np.errstate(all="ignore"):
        rest = {k: v for k, v in {**held, **others}.items() if k in _arguments(own)}
        basis = own(*problem.prepared, **rest)
    shape = (count, len(problem.observed))
    target = np.ones(shape)
    for name, factor in basis.items():
        if name not in wanted:  # Held, or in the grid: its part is taken off what is left.
            value = held.get(name, others.get(name, 0.0))
            target = target - np.broadcast_to(value * factor / problem.observed, shape)
    columns = np.stack([np.broadcast_to(basis[n] / problem.observed, shape) for n in wanted], 1)
    columns, target = np.nan_to_num(columns, posinf=0.0, neginf=0.0), np.nan_to_num(target)
    solved = _least_squares(columns, target)
    at_least_0 = np.array([one.low >= 0 for one in problem.law.coefficients if one.name in wanted])
    negative = (solved <= 0) & at_least_0
    for row in np.flatnonzero(negative.any(axis=1)):
        solved[row] = _without_negative(columns[row], target[row], at_least_0)
    return {name: solved[:, i] for i, name in enumerate(wanted)}


def _least_squares(columns: Any, target: Any) -> Any:
    size = np.sqrt((columns**2).sum(axis=2, keepdims=True)) + 1e-300
    scaled = columns / size
    square = scaled @ scaled.transpose(0, 2, 1) + 1e-10 * np.eye(columns.shape[1])
    right = np.einsum("ckr,cr->ck", scaled, target)
    return np.linalg.solve(square, right[:, :, None])[:, :, 0] / size[:, :, 0]


def _without_negative(columns: Any, target: Any, at_least_0: Any) -> Any:
    from scipy.optimize import lsq_linear, nnls

    size = np.sqrt((columns**2).sum(axis=1)) + 1e-300
    scaled = (columns / size[:, None]).T
    if at_least_0.all():
        found = nnls(scaled, target)[0]
    else:
        low = np.where(at_least_0, 0.0, -np.inf)
        found = lsq_linear(scaled, target, (low, np.inf)).x
    # A start at 0 has no logarithm; a small one can still grow.
    return np.where(at_least_0, np.maximum(found, 1e-6), found) / size


def _arguments(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)
