"""How much worse the fit gets when one coefficient is held elsewhere: for what is hard to tell."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from jaxtyping import Float

from likely.core.errors import BadSetting, did_you_mean
from likely.core.settings import checked
from likely.forecast._problem import problem_of
from likely.forecast._solve import Problem, minimise
from likely.forecast._starts import grid_starts
from likely.forecast.fitted import Fit, Level


@dataclass(frozen=True, eq=False)
class Profile:
    """One coefficient moved along, all others fitted again at every place.

    Args:
        name: of the coefficient.
        values: where it was held, ascending, `[C]`.
        objectives: Huber's loss of the best fit there, `[C]`.
        statistic: twice the loss of log-likelihood that this stands for, `[C]`; 0 at the best.
        low: lower end of the interval; the edge of what was looked at, where it is open.
        high: upper end.
        open_below: whether even the lowest place is not refuted.
        open_above: whether even the highest is not.
        level: of the interval.
        threshold: of the statistic; below it a place is not refuted.
    """

    name: str
    values: Float[np.ndarray, "C"]
    objectives: Float[np.ndarray, "C"]
    statistic: Float[np.ndarray, "C"]
    low: float
    high: float
    open_below: bool
    open_above: bool
    level: float
    threshold: float


def profile(
    fit: Fit,
    table: Mapping[str, Any],
    *,
    name: str,
    level: Level = 0.95,
    points: Annotated[int, Ge(4)] = 24,
) -> Profile:
    r"""Profile a coefficient: the interval to believe where standard errors cannot be.

    $$ W(\theta_j) = 2\, \frac{\mathbb{E}[\psi'(r)]}{\mathbb{E}[\psi(r)^2]} \Big(
       \min_{\theta_{-j}} \textstyle\sum_i \rho(r_i) - \min_{\theta} \sum_i \rho(r_i) \Big) $$
    ρ is Huber's loss and ψ its slope; both means are taken over the residuals, ψ' through a
    smoothed density. The interval holds the places where W is below the quantile of F(1, R − K).

    Args:
        fit: of the law.
        table: what it was fitted to.
        name: of the coefficient.
        level: of the interval.
        points: places on either side.

    Returns:
        The profile.

    Raises:
        BadSetting: the law has no such coefficient, or it was held.

    Example:
        >>> from likely.forecast.fit import fit
        >>> amount = np.geomspace(1e6, 1e9, 9)
        >>> noise = np.resize([1.002, 0.998, 1.0], 9)
        >>> table = {"params": amount, "tokens": np.roll(amount, 4)}
        >>> table["loss"] = (2 + 90 * amount**-0.4 + 70 * np.roll(amount, 4)**-0.3) * noise
        >>> found = fit("chinchilla", table, bootstrap=0)
        >>> seen = profile(found, table, name="E")
        >>> seen.low < found.coefficients["E"] < seen.high
        True

    References:
        Ronchetti, Robust model selection in regression, Statistics & Probability Letters 3, 1985
        (the likelihood-ratio statistic of robust fits).
    """
    checked(profile, locals())
    if name not in fit.fitted:
        near = did_you_mean(name, fit.fitted)
        raise BadSetting("profile", [f"{name!r} was not fitted.{near} Fitted: {_all(fit)}."])
    problem = problem_of(fit.law, table, held=dict(fit.held), delta=fit.delta)
    best = problem.coordinates(np.array([[fit.coefficients[n] for n in problem.free]]))
    which = problem.free.index(name)
    starts = _moved(problem, best[0], which, points)
    pinned = np.arange(len(problem.free)) == which
    objectives = minimise(problem, starts, pinned=pinned).objectives
    if hasattr(fit.law.parts, "linear"):
        # Far from the best, the others are far from theirs too: begin where they are best there.
        anew = np.stack([_begun_again(problem, one, which) for one in starts])
        objectives = np.minimum(objectives, minimise(problem, anew, pinned=pinned).objectives)
    lowest = min(float(objectives.min()), fit.objective)
    statistic = 2 * _scale(fit) * np.maximum(objectives - lowest, 0.0)
    values = problem.values(starts)[:, which]
    threshold = _threshold(fit, level)
    inside = statistic <= threshold
    return Profile(
        name,
        values,
        objectives,
        statistic,
        *_edges(values, statistic, threshold),
        bool(inside[0]),
        bool(inside[-1]),
        level,
        threshold,
    )


def _all(fit: Fit) -> str:
    return ", ".join(fit.fitted)


def _moved(problem: Problem, best: Any, which: int, points: int) -> Any:
    low, high = problem.box()
    wide = 6.0 if problem.is_log[which] else 3.0 * max(abs(best[which]), 1e-3)
    away = np.geomspace(1e-3 * wide, wide, points)
    places = np.concatenate([best[which] - away[::-1], [best[which]], best[which] + away])
    places = np.unique(np.clip(places, low[which], high[which]))
    starts = np.repeat(best[None], len(places), axis=0)
    starts[:, which] = places
    return starts


def _begun_again(problem: Problem, start: Any, which: int) -> Any:
    """The best point of the grid with one coordinate held where it is."""
    name = problem.free[which]
    value = float(problem.values(start[None])[0, which])
    rest = grid_starts(replace(problem, held={**problem.held, name: value}), 1)[0]
    return np.insert(rest, which, start[which])


def _scale(fit: Fit) -> float:
    """What turns a difference of Huber's loss into one of log-likelihoods."""
    from scipy.stats import norm

    kept, delta = fit.spare_residuals(), fit.delta
    if len(kept) < 2:
        return 1.0 / delta**2
    square = float((np.minimum(np.abs(kept), delta) ** 2).mean())
    width = 1.06 * max(float(kept.std()), 1e-12) * len(kept) ** -0.2
    slope = float((norm.cdf((kept + delta) / width) - norm.cdf((kept - delta) / width)).mean())
    return slope / max(square, 1e-300)


def _threshold(fit: Fit, level: float) -> float:
    from scipy.stats import f

    return float(f.ppf(level, 1, max(fit.units - len(fit.fitted), 1)))


def _edges(values: Any, statistic: Any, threshold: float) -> tuple[float, float]:
    """Where the statistic crosses the threshold, between the places that were looked at."""
    best, inside = int(statistic.argmin()), statistic <= threshold
    left = best
    while left > 0 and inside[left - 1]:
        left -= 1
    right = best
    while right < len(values) - 1 and inside[right + 1]:
        right += 1
    low, high = float(values[left]), float(values[right])
    if left > 0:
        low = _between(values, statistic, threshold, left - 1, left)
    if right < len(values) - 1:
        high = _between(values, statistic, threshold, right + 1, right)
    return low, high


def _between(values: Any, statistic: Any, threshold: float, out: int, inside: int) -> float:
    # W grows like a square, so its root is what is nearly straight.
    a, b, t = np.sqrt([statistic[out], statistic[inside], threshold])
    share = (t - b) / (a - b)
    return float(values[inside] + share * (values[out] - values[inside]))
