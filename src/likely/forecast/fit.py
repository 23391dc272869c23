"""Fitting: a grid of starts, batched descents, tables drawn again, and what speaks against it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt
from jaxtyping import Float

from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.forecast._doubts import fit_cautions
from likely.forecast._problem import column_of, problem_of, rows_of, runs_of, spans_of
from likely.forecast._resample import resampled, units_of
from likely.forecast._solve import EXACT, Problem, look, minimise
from likely.forecast._starts import grid_starts
from likely.forecast._stretch import stretch_of
from likely.forecast.cautions import Caution
from likely.forecast.fitted import Fit
from likely.forecast.law import Law
from likely.forecast.law import law as law_of

__all__ = ["fit", "fit_by", "rows_of"]

BENT = 1.5
"""Times its interval that a law must have missed within the table to be told of."""
SMALLEST_NOISE = 1e-3
"""Of a run, where priors are weighed and the residuals are smaller than any seed's."""


def fit(
    law: str | Law | Callable[..., Any],
    table: Mapping[str, Any],
    *,
    hold: Mapping[str, float] | None = None,
    priors: Mapping[str, tuple[float, float]] | None = None,
    by: Sequence[str] = (),
    delta: Annotated[float, Gt(0)] | None = None,
    starts: Annotated[int, Ge(1)] = 16,
    bootstrap: Annotated[int, Ge(0)] | None = None,
    polish: bool = False,
    stretch: bool = True,
    seed: Annotated[int, Ge(0)] = 0,
) -> Fit:
    r"""Fit a law to a table of runs.

    $$ \min_\theta \sum_{i=1}^{R} \text{Huber}_\delta\big(\ln L_\theta(x_i) - \ln L_i\big) $$
    The sum is over runs, not their mean. Coefficients that cannot be negative are searched by their
    logarithm. A grid over those that the law is not linear in, with least squares for the others,
    gives the starts; all of them descend at once by Levenberg–Marquardt with the straight part of
    Huber's loss reweighted, and so do the refits of the tables that are drawn again.

    Args:
        law: by name, such as `chinchilla`, or one of your own: a function with columns by position
            and coefficients by keyword.
        table: column → values, `[R]`; what the law predicts (`loss`) is one of them.
        hold: coefficient → value that is kept.
        priors: coefficient → mean and standard deviation of what another family of models says of
            it; weighed against the runs as if these had Laplace noise of the size of their own
            residuals.
        by: columns that say which run a row is of. Rows of a run are drawn together. Without it
            every row is a run of its own, but for laws of steps: there rows of one schedule, and
            of equal other columns, are one.
        delta: where Huber's loss turns from square to straight, in log units; 0.001, or what the
            law was published with, where left out.
        starts: how many points of the grid descend.
        bootstrap: tables drawn again, for standard errors and intervals; 0 for none. Where left
            out, 4,000, or fewer for laws that take long.
        polish: whether L-BFGS-B of scipy goes on from the best end.
        stretch: whether the table's dear rows are predicted from its cheap ones (of schedules, each
            run from the others), and intervals of predictions widened by what that missed.
        seed: of the drawing.

    Returns:
        The fit, with its cautions.

    Raises:
        BadInput: a column is missing, a value cannot be used, or there are fewer runs than
            coefficients.
        BadSetting: a setting, or a coefficient that the law does not have.
        UnknownName: no law is called so.

    Example:
        >>> params, tokens = np.repeat([1e8, 3e8, 1e9, 3e9], 3), np.tile([2e9, 6e9, 2e10], 4)
        >>> loss = 1.7 + 400 * params**-0.34 + 410 * tokens**-0.28
        >>> table = {"params": params, "tokens": tokens, "loss": loss}
        >>> found = fit("chinchilla", table, bootstrap=0)
        >>> round(found.coefficients["E"], 4), round(found.coefficients["alpha"], 4)
        (1.7, 0.34)

    References:
        Hoffmann et al., Training Compute-Optimal Large Language Models, 2022, §3.3.
        arXiv:2203.15556 (the loss); Besiroglu et al., Chinchilla Scaling: A replication attempt,
        2024, §3. arXiv:2404.10102 (the sum, and the bootstrap).
    """
    checked(fit, locals())
    chosen = law_of(law)
    turn = chosen.delta if delta is None else delta

    def once(part: Mapping[str, Any], refits: int, doubt: bool = False) -> Fit:
        given = _Given(dict(hold or {}), dict(priors or {}), by, turn, starts, polish, seed)
        return _fit(chosen, part, given, refits, doubt)

    refits = chosen.refits if bootstrap is None else bootstrap
    made = once(table, refits, doubt=True)
    if not stretch or not refits:
        return made
    factor, tested = stretch_of(once, chosen, table, made)
    doubts = _of_stretch(factor) if tested else []
    return replace(made, stretch=factor, tested=tested, cautions=(*made.cautions, *doubts))


@dataclass(frozen=True)
class _Given:
    """What `fit` was given, checked."""

    hold: dict[str, float]
    priors: dict[str, tuple[float, float]]
    by: Sequence[str]
    delta: float
    starts: int
    polish: bool
    seed: int


def _fit(chosen: Law, table: Mapping[str, Any], given: _Given, bootstrap: int, doubt: bool) -> Fit:
    problem = problem_of(chosen, table, held=given.hold, priors=given.priors, delta=given.delta)
    units = units_of(runs_of(chosen, table, given.by), len(problem.observed))
    if problem.priors:
        problem = _weighed(problem, given.starts)
    ends = (
        minimise(problem, grid_starts(problem, given.starts), flat=EXACT) if problem.free else None
    )
    if ends is None:
        best, arrived = np.empty(0), 1.0
        objective = float(look(problem, np.empty((1, 0)))[0][0])
    else:
        which = int(ends.objectives.argmin())
        best, objective = ends.points[which], float(ends.objectives[which])
        arrived = float((ends.objectives <= objective * (1 + 1e-4) + 1e-15).mean())
        best, objective = _polished(problem, best, objective) if given.polish else (best, objective)
    _stop_where_nothing_fits(chosen, objective)
    rng = np.random.default_rng(given.seed)
    samples = _drawn_again(problem, best, units, bootstrap, rng)
    residuals = np.log(problem.observed) - _log_predicted(problem, best)
    made = Fit(
        law=chosen,
        coefficients=_named(problem, best),
        held=problem.held,
        objective=objective,
        residuals=residuals,
        samples=samples,
        spans=spans_of(chosen, table),
        count=len(residuals),
        units=int(units.max()) + 1,
        condition=_condition(problem, best),
        arrived=arrived,
        delta=given.delta,
    )
    return fit_cautions(made, problem, table, best, units) if doubt else made


def fit_by(
    law: str | Law | Callable[..., Any], table: Mapping[str, Any], *, group: str, **settings: Any
) -> dict[str, Fit]:
    """Fit a law to every part of a table by itself: a law a domain, a corpus, a family of models.

    Args:
        law: as for `fit`.
        table: column → values, `[R]`.
        group: the column that says which part a row belongs to.
        settings: as for `fit`.

    Returns:
        Part → fit, in the order of their names.

    Raises:
        BadInput: the table has no such column, or a part cannot be fitted; it is named.
        BadSetting: a setting that is none.
    """
    checked(fit_by, locals())
    labels = np.asarray(column_of(table, group)).astype(str)
    found = {}
    for one in sorted(set(labels)):
        rows = np.flatnonzero(labels == one)
        try:
            found[one] = fit(law, rows_of(table, rows), **settings)
        except BadInput as problem:
            raise BadInput(f"{group} = {one}: {problem}") from problem
    return found


def _weighed(problem: Problem, starts: int) -> Problem:
    """The same with priors that cost as much as the runs' own noise says."""
    plain = replace(problem, priors={})
    size = SMALLEST_NOISE
    spare = len(plain.observed) - len(plain.free)
    if spare > 0:
        ends = minimise(plain, grid_starts(plain, starts))
        best = ends.points[int(ends.objectives.argmin())]
        away = np.abs(np.log(plain.observed) - _log_predicted(plain, best)).sum()
        size = max(size, float(away) / spare)
    # Laplace noise of scale b makes Huber's straight part δ·b times minus the log-likelihood.
    return replace(problem, prior_scale=problem.delta * size)


def _polished(problem: Problem, best: Any, objective: float) -> tuple[Any, float]:
    from scipy.optimize import minimize

    def both(point: Any) -> tuple[float, Any]:
        loss, slope, _ = look(problem, point[None])
        return float(loss[0]) * 1e6, slope[0] * 1e6

    low, high = problem.box()
    found = minimize(
        both, best, jac=True, method="L-BFGS-B", bounds=list(zip(low, high, strict=True))
    )
    value = float(found.fun) / 1e6
    return (found.x, value) if value < objective else (best, objective)


def _of_stretch(factor: float) -> list[Caution]:
    if factor < BENT:
        return []
    return [
        Caution(
            "bent",
            f"Rows of this table, predicted from the others, missed what was promised by "
            f"{factor:.1f} times the interval: the law bends here.",
            "Intervals of predictions are widened by that. Compare laws by what they predict "
            "(likely forecast compare), or fit the dearer runs only.",
        )
    ]


def _drawn_again(
    problem: Problem, best: Any, units: Any, count: int, rng: np.random.Generator
) -> Float[np.ndarray, "C K"]:
    if not count or not problem.free:
        return np.empty((0, len(problem.law.names)))
    weights = resampled(units, count, rng)
    ends = minimise(problem, np.repeat(best[None], count, axis=0), weights)
    return _whole(problem, ends.points[np.isfinite(ends.objectives)])


def _whole(problem: Problem, points: Any) -> Float[np.ndarray, "C K"]:
    """All coefficients at points, those that are held too, in the order of the law."""
    values, free = problem.values(points), problem.free
    columns = [
        np.full(len(points), problem.held[name])
        if name in problem.held
        else values[:, free.index(name)]
        for name in problem.law.names
    ]
    return np.stack(columns, axis=1)


def _named(problem: Problem, point: Any) -> dict[str, float]:
    """All coefficients at one point."""
    return dict(zip(problem.law.names, _whole(problem, point[None])[0].tolist(), strict=True))


def _log_predicted(problem: Problem, point: Any) -> Float[np.ndarray, "R"]:
    values = _named(problem, point)
    found = np.asarray(problem.law.predict(problem.prepared, values), np.float64)
    return np.log(np.broadcast_to(found, problem.observed.shape))


def _condition(problem: Problem, point: Any) -> float:
    if not problem.free:
        return 1.0
    curve = look(problem, point[None])[2][0]
    size = np.sqrt(np.maximum(np.diag(curve), 1e-300))
    values = np.linalg.eigvalsh(curve / np.outer(size, size))
    return float(np.sqrt(values[-1] / max(values[0], values[-1] * 1e-32)))


def _stop_where_nothing_fits(law: Law, objective: float) -> None:
    if not np.isfinite(objective):
        raise BadInput(
            f"{law.name} gives no finite {law.output} for these columns with any coefficients: "
            "look at their units."
        )
