"""A law with its numbers: what it predicts, how sure that is, and what speaks against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt, Lt
from jaxtyping import Float

from likely.core.settings import checked
from likely.forecast.cautions import Caution
from likely.forecast.law import Law
from likely.forecast.reach import reach_cautions

Level = Annotated[float, Gt(0), Lt(1)]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a law says of runs, with two intervals.

    Args:
        value: of the best fit, `[R]`, in the unit of what was fitted.
        low: lower end of the interval of the law's value.
        high: upper end.
        run_low: lower end of the interval of one run, whose own noise comes on top.
        run_high: upper end.
        level: of both intervals.
        cautions: what speaks against these numbers.
    """

    value: Float[np.ndarray, "R"]
    low: Float[np.ndarray, "R"]
    high: Float[np.ndarray, "R"]
    run_low: Float[np.ndarray, "R"]
    run_high: Float[np.ndarray, "R"]
    level: float
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted law.

    Args:
        law: what was fitted.
        coefficients: the best values, those that were held too.
        held: the coefficients that were given, not fitted.
        objective: Huber's loss of the log residuals, summed over runs.
        residuals: log of observed minus log of predicted, one a run, `[R]`.
        samples: coefficients of the refits of resampled tables, `[C, K]`, K as in `law.names`.
        spans: column → smallest and largest value in the table.
        count: R, rows fitted.
        units: independent runs among them; rows of one run are not independent.
        condition: condition number of the fit, each coordinate scaled to its own curvature.
        arrived: share of the starts that ended at the optimum.
        cautions: what speaks against the fit.
        delta: where Huber's loss turned from square to straight.
        stretch: what intervals of predictions are widened by, because the law missed dear rows of
            its own table by that much; 1 where it did not.
        tested: whether the table was large enough to say so; else `stretch` is for having hardly
            more runs than coefficients.
        about: where the table came from, for files and reports.
    """

    law: Law
    coefficients: Mapping[str, float]
    held: Mapping[str, float]
    objective: float
    residuals: Float[np.ndarray, "R"]
    samples: Float[np.ndarray, "C K"]
    spans: Mapping[str, tuple[float, float]]
    count: int
    units: int
    condition: float
    arrived: float
    cautions: tuple[Caution, ...] = ()
    delta: float = 1e-3
    stretch: float = 1.0
    tested: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fitted(self) -> tuple[str, ...]:
        """Names of the coefficients that were fitted."""
        return tuple(name for name in self.law.names if name not in self.held)

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard deviation of each fitted coefficient over the resampled tables."""
        if not len(self.samples):
            return {}
        spread = self.samples.std(axis=0, ddof=1)
        return {n: float(spread[i]) for i, n in enumerate(self.law.names) if n in self.fitted}

    @property
    def noise(self) -> float:
        """Standard deviation of a run about the law, as a share of its value.

        The residuals that a fit of near-absolute deviations brings to 0 are not counted.
        """
        kept = self.spare_residuals()
        return float(np.sqrt((kept**2).mean())) if len(kept) else 0.0

    def intervals(self, *, level: Level = 0.95) -> dict[str, tuple[float, float]]:
        """Percentile intervals of the fitted coefficients over the resampled tables.

        Args:
            level: share of the refits inside.

        Returns:
            Coefficient → its ends; empty without resampling.

        Raises:
            BadSetting: a level outside (0, 1).
        """
        checked(Fit.intervals, locals())
        if not len(self.samples):
            return {}
        low, high = np.quantile(self.samples, _ends(level), axis=0)
        return {
            name: (float(low[i]), float(high[i]))
            for i, name in enumerate(self.law.names)
            if name in self.fitted
        }

    def predict(
        self, columns: Mapping[str, Any], *, level: Level = 0.95, seed: int = 0
    ) -> Prediction:
        """What the law says of runs.

        Args:
            columns: name → values, one a run, or one number.
            level: of the intervals.
            seed: of the noise that is drawn for the interval of a run.

        Returns:
            Values and intervals, `[R]`; without resampling the ends are the value.

        Raises:
            ShapeError: a column is missing.
            BadSetting: a level outside (0, 1).
        """
        checked(Fit.predict, locals())
        given = {name: _column(values) for name, values in columns.items()}
        prepared = self.law.prepare(given)
        value = np.atleast_1d(np.asarray(self.law.predict(prepared, self.coefficients), float))
        draws = self._drawn(prepared)
        cautions = reach_cautions(self, given)
        if not len(draws):
            return Prediction(value, value, value, value, value, level, cautions)
        low, high = np.quantile(self._stretched(draws, value), _ends(level), axis=0)
        noise = self.draw_noise(draws.shape, seed)
        runs = self._stretched(draws, value, noise)
        run_low, run_high = np.quantile(runs, _ends(level), axis=0)
        return Prediction(value, low, high, run_low, run_high, level, cautions)

    def curves(self, columns: Mapping[str, Any]) -> Float[np.ndarray, "C R"]:
        """What every refit of a resampled table says of runs.

        Args:
            columns: name → values, one a run.

        Returns:
            Predictions, one row a refit; no rows without resampling.
        """
        given = {name: _column(values) for name, values in columns.items()}
        return self._drawn(self.law.prepare(given))

    def _drawn(self, prepared: tuple[Any, ...]) -> Float[np.ndarray, "C R"]:
        if not len(self.samples):
            return np.empty((0, 0))
        values = {name: self.samples[:, i, None] for i, name in enumerate(self.law.names)}
        with np.errstate(all="ignore"):
            found = np.atleast_2d(np.asarray(self.law.predict(prepared, values), np.float64))
        return found[np.isfinite(found).all(axis=1)]

    def _stretched(self, draws: Any, value: Any, noise: Any = 0.0) -> Any:
        """Draws, each as much farther from the best fit as the law missed its own table by."""
        if np.all(value > 0):
            return value * np.exp(self.stretch * (np.log(draws / value) + noise))
        return value + self.stretch * (draws - value)

    def draw_noise(self, shape: Sequence[int], seed: int) -> Float[np.ndarray, "..."]:
        """Residuals drawn again, for what one run more would show.

        Args:
            shape: how many.
            seed: of the draw.

        Returns:
            Deviations in log units.
        """
        kept = self.spare_residuals()
        if not len(kept):
            return np.zeros(shape)
        return np.random.default_rng(seed).choice(kept, size=tuple(shape))

    def spare_residuals(self) -> Float[np.ndarray, "_"]:
        """Residuals without as many of the smallest as there are coefficients."""
        order = np.argsort(np.abs(self.residuals))
        return self.residuals[np.sort(order[len(self.fitted) :])]


def _ends(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2


def _column(values: Any) -> Any:
    return np.atleast_1d(values) if isinstance(values, int | float) else values
