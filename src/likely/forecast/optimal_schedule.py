"""The learning-rate schedule that a fitted law likes best, beside those that people use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le, Lt
from jaxtyping import Float

from likely.core.errors import BadSetting
from likely.core.settings import checked, settings_of
from likely.forecast import schedules
from likely.forecast.law import Law
from likely.forecast.law import law as law_of
from likely.forecast.schedules import Peak, Rates, Steps, Warmup

NAMED: Mapping[str, Callable[..., Rates]] = {
    "cosine": schedules.cosine,
    "linear": schedules.linear,
    "wsd": schedules.wsd,
}
"""What the optimum is compared with; `wsd` falls over its last fifth on a straight line."""
DEGENERATE = (
    "The law of annealing is linear in what falls are worth, so its optimum drops at once; no "
    "training bears that out. Fit multi_power, and optimise under that."
)


@dataclass(frozen=True, eq=False)
class OptimalSchedule:
    """A schedule, and what its law says of it and of others.

    Args:
        rates: the learning rate of every step.
        knots: share of the steps after the warm-up, and factor of the peak there: the same rates
            on straight lines, as `schedule.knots` of a recipe takes them.
        loss: that the law predicts after the last step.
        others: name → what it predicts of a schedule of that name, with as many steps, the same
            peak, warm-up and floor.
        cautions: sentences; empty where there is nothing to say.
    """

    rates: Float[np.ndarray, "_"]
    knots: tuple[tuple[float, float], ...]
    loss: float
    others: Mapping[str, float]
    cautions: tuple[str, ...] = ()


def optimal_schedule(
    law: str | Law,
    coefficients: Mapping[str, int | float],
    *,
    steps: Steps,
    peak: Peak,
    warmup: Warmup = 0,
    floor: Annotated[float, Ge(0), Lt(1)] = 0.0,
    knots: Annotated[int, Ge(2), Le(400)] = 48,
) -> OptimalSchedule:
    r"""The schedule of the lowest loss after the last step, among those that never rise.

    $$ \min_{e \ge 0} L\big(\eta(f)\big), \quad f_i = c + (1 - c)\, e^{-(e_1 + \dots + e_i)} $$
    After the warm-up the factors f of the peak stand at knots, closer towards the end; between them
    the rate is straight. They can only fall, to c at least. L-BFGS-B with the law's own derivative
    begins at every schedule of `NAMED`, and the lowest end is taken. A law is asked beyond what it
    was fitted to here: what it says of the optimum is a hope until the run is made.

    Args:
        law: `multi_power` or `annealing`, with settings, or a law of your own with a function
            `final_and_slope` beside it.
        coefficients: the fitted ones.
        steps: of the run.
        peak: the highest rate.
        warmup: linear warm-up, in steps, or below 1 as a share of them.
        floor: the lowest rate, as a factor of the peak.
        knots: how many, that at the end of the warm-up left out.

    Returns:
        The schedule, its predicted loss, and those of others.

    Raises:
        BadSetting: a setting out of range, other coefficients than the law's, or a law that has no
            derivative by the rates.

    Example:
        >>> published = {"L0": 3.040, "A": 0.525, "alpha": 0.508, "B": 363.8, "C": 2.066,
        ...              "beta": 0.583, "gamma": 0.641}
        >>> best = optimal_schedule("multi_power", published, steps=900, peak=3e-4, knots=12)
        >>> best.loss < min(best.others.values())
        True

    References:
        Luo et al., A Multi-Power Law for Loss Curve Prediction Across Learning Rate Schedules,
        2025, §5. arXiv:2503.12811.
    """
    checked(optimal_schedule, locals())
    chosen = law_of(law)
    own = getattr(chosen.parts, "final_and_slope", None)
    if own is None:
        raise BadSetting(
            chosen.name,
            ["It has no derivative by learning rates: take 'multi_power' or 'annealing'."],
        )
    if set(coefficients) != set(chosen.names):
        raise BadSetting(
            chosen.name,
            [f"Its coefficients are {', '.join(chosen.names)}; given: {', '.join(coefficients)}."],
        )
    values = {name: float(value) for name, value in coefficients.items()}
    settings = {k: v for k, v in chosen.settings.items() if k in settings_of(own)}

    def final(rates: Rates) -> tuple[float, Rates]:
        return own(rates, **values, **settings)  # type: ignore[no-any-return]

    run: dict[str, Any] = {"steps": steps, "peak": peak, "warmup": warmup}
    named = {name: make(**run, floor=floor) for name, make in NAMED.items()}
    lines = _Lines(schedules.constant(**run), knots, floor)
    ends = [lines.descend(final, rates) for rates in named.values()]
    factors = min(ends, key=lambda end: final(lines.rates(end))[0])
    pairs = _pairs(lines.shares, factors)
    rates = schedules.piecewise(**run, knots=pairs)
    return OptimalSchedule(
        rates=rates,
        knots=pairs,
        loss=final(rates)[0],
        others={name: final(one)[0] for name, one in named.items()},
        cautions=(DEGENERATE,) if chosen.name == "annealing" else (),
    )


def _pairs(
    shares: Float[np.ndarray, "K"], factors: Float[np.ndarray, "K"]
) -> tuple[tuple[float, float], ...]:
    """Knots in six digits, without those on a level stretch."""
    shares, factors = shares.round(6), factors.round(6)
    level = np.r_[False, (factors[1:-1] == factors[:-2]) & (factors[1:-1] == factors[2:]), False]
    return tuple(zip(shares[~level].tolist(), factors[~level].tolist(), strict=True))


class _Lines:
    """Schedules that are straight between knots, and never rise after their warm-up."""

    def __init__(self, constant: Rates, knots: int, floor: float) -> None:
        self.constant, self.floor = constant, floor
        self.peak = float(constant.max())
        self.first = int((constant < self.peak).sum())
        count = len(constant) - self.first
        self.done = np.arange(count) / max(count, 1)
        # What falls near the end takes effect soonest and wants the most knots.
        self.shares = 1 - np.linspace(1, 0, knots + 1) ** 2
        place = np.searchsorted(self.shares, self.done, side="right") - 1
        self.place = np.clip(place, 0, knots - 1)
        width = np.diff(self.shares)[self.place]
        self.right = (self.done - self.shares[self.place]) / width

    def rates(self, factors: Float[np.ndarray, "K"]) -> Rates:
        """The rate of every step."""
        rates = self.constant.copy()
        rates[self.first :] *= np.interp(self.done, self.shares, factors)
        return rates

    def factors(self, falls: Float[np.ndarray, "_"]) -> Float[np.ndarray, "K"]:
        """Factors at the knots, the first of which is 1."""
        left = np.exp(-np.cumsum(np.r_[0.0, falls]))
        return np.asarray(self.floor + (1 - self.floor) * left)

    def descend(
        self, final: Callable[[Rates], tuple[float, Rates]], begin: Rates
    ) -> Float[np.ndarray, "K"]:
        """Factors at the end of a descent from a schedule."""
        from scipy.optimize import minimize

        at = np.interp(self.shares, self.done, begin[self.first :] / self.peak)
        left = np.clip((at - self.floor) / (1 - self.floor), _LEAST, 1.0)
        falls = -np.diff(np.log(np.minimum.accumulate(left)), prepend=0.0)[1:]
        # A fall of nothing has a slope, but begins on its bound; a little off it moves sooner.
        falls = np.maximum(falls, 1e-4)

        def both(falls: Any) -> tuple[float, Any]:
            factors = self.factors(falls)
            loss, slope = final(self.rates(factors))
            by_step = slope[self.first :] * self.peak
            size = len(factors)
            by_knot = np.bincount(self.place, by_step * (1 - self.right), size)
            by_knot += np.bincount(self.place + 1, by_step * self.right, size)
            by_fall = -np.cumsum((by_knot * (factors - self.floor))[::-1])[::-1][1:]
            return loss, by_fall

        found = minimize(
            both,
            falls,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, -np.log(_LEAST))] * len(falls),
            options={"maxiter": 2_000, "ftol": 1e-13, "gtol": 1e-9},
        )
        return self.factors(found.x)


_LEAST = 1e-9
"""The smallest part of the way to the floor that can be left."""
