"""While a run trains: its curve so far, and now and then a forecast of its final loss."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from likely.core.errors import LikelyError
from likely.core.settings import parse
from likely.forecast.running import Early, running
from likely.train.recipe import Recipe
from likely.train.schedule import learning_rates

CELLS = 512
"""Parts of a run whose losses are kept as one mean; a checkpoint holds them."""
LOOKS, APART = 20, 50
"""Forecasts of a run, and steps between two of them at least."""


class Foresight:
    """What is kept of a curve, and the forecasts that are made from it.

    All of it is a function of the losses, so that a run that was stopped says the same as one that
    was not: a checkpoint holds `state()`.

    Args:
        recipe: of the run.
        state: of the checkpoint that the run goes on from; empty for a new one.
    """

    def __init__(self, recipe: Recipe, state: Mapping[str, Any] | None = None) -> None:
        self.recipe = recipe
        kept = state or {}
        self._steps, self._sums, self._counts = (
            np.array(kept.get(name) or np.zeros(CELLS), np.float64)
            for name in ("steps", "sums", "counts")
        )
        self._looks: list[tuple[int, float]] = [
            (int(a), float(b)) for a, b in kept.get("looks", ())
        ]
        self.last: dict[str, Any] = dict(kept.get("last", {}))
        self._rates: np.ndarray | None = None
        # An even number, so that half of the run is one of the moments.
        self._moments = 2 * max(1, min(LOOKS, recipe.steps // APART) // 2)
        self._alike = parse(recipe.objective)[0] == "cross_entropy"

    def state(self) -> dict[str, Any]:
        """Plain values that a new `Foresight` goes on from."""
        return {
            "steps": self._steps.tolist(),
            "sums": self._sums.tolist(),
            "counts": self._counts.tolist(),
            "looks": [list(one) for one in self._looks],
            "last": self.last,
        }

    def add(self, step: int, loss: float) -> None:
        """Keep the loss of a step.

        Args:
            step: from 1.
            loss: of training.
        """
        if not self._alike and step <= self.recipe.objective_after:
            return
        cell = (step - 1) * CELLS // self.recipe.steps
        self._steps[cell] += step
        self._sums[cell] += loss
        self._counts[cell] += 1

    def looked(self, step: int, found: Mapping[str, Any]) -> None:
        """Keep an evaluation.

        Args:
            step: steps taken.
            found: its row.
        """
        value = found.get("nats_per_token")
        if value is not None:
            self._looks.append((step, float(value)))

    def row(self, step: int) -> dict[str, Any] | None:
        """A row for `metrics.jsonl` at the moments that have one.

        Args:
            step: steps taken.

        Returns:
            `step`, `forecast`, `forecast_low`, `forecast_high`, `forecast_of`; None at other
            moments, and where the curve is too short.
        """
        done, before = (at * self._moments // self.recipe.steps for at in (step, step - 1))
        if done == before or step >= self.recipe.steps:
            return None
        found = self._forecast()
        if found is None:
            return None
        self.last = {name: value for name, value in found.items() if name != "step"}
        return {"step": step, **self.last}

    def _forecast(self) -> dict[str, Any] | None:
        steps, losses, counts = self._curve()
        looks = np.array(self._looks, np.float64).reshape(-1, 2).T if self._looks else None
        if looks is not None and not self._alike:
            steps, losses, counts = (np.empty(0),) * 3
        validation = None if looks is None else (looks[0], looks[1])
        try:
            found = running(steps, losses, self._schedule(), counts=counts, validation=validation)
        except (LikelyError, ValueError, np.linalg.LinAlgError):
            return None  # No training ends because its curve is none, as at a rate of 0.
        if isinstance(found, Early):
            return None
        numbers = {"": found.value, "_low": found.low, "_high": found.high}
        row: dict[str, Any] = {f"forecast{name}": float(f"{x:.6g}") for name, x in numbers.items()}
        return row | {"forecast_of": "nats_per_token" if found.of == "validation" else "loss"}

    def _curve(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        some = self._counts > 0
        counts = self._counts[some]
        return self._steps[some] / counts, self._sums[some] / counts, counts

    def _schedule(self) -> np.ndarray:
        if self._rates is None:
            self._rates = learning_rates(self.recipe.schedule, self.recipe.steps)
        return self._rates
