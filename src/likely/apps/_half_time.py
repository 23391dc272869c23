"""How the forecast at half time did: what a run was expected to end with, and what it did."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from likely.train.run import Run

_LAST = 0.05
"""Share of the steps whose mean is the final loss of training, which is noisy."""


@dataclass(frozen=True)
class HalfTime:
    """A forecast, and what it was of.

    Args:
        step: after which it was made.
        steps: of the run.
        value: expected at the end.
        low: lower end of the 95 % band.
        high: upper end.
        truth: what it was.
        unit: of these numbers.
        of: whose loss it is.
    """

    step: int
    steps: int
    value: float
    low: float
    high: float
    truth: float
    unit: str
    of: str

    @property
    def inside(self) -> bool:
        """Whether the band held the truth."""
        return self.low <= self.truth <= self.high

    def __str__(self) -> str:
        where = "inside" if self.inside else "outside"
        return (
            f"After {self.step:,} of {self.steps:,} steps, {self.value:.3f} "
            f"({self.low:.3f}–{self.high:.3f}) {self.unit} {self.of} were expected at the end; "
            f"it was {self.truth:.3f}, {where} the band."
        )


def half_time(run: Run) -> HalfTime | None:
    """The last forecast of the first half of a finished run, beside the truth.

    Args:
        run: finished.

    Returns:
        Both; None where nothing was forecast by then.
    """
    rows = [row for row in run.forecasts if 2 * row["step"] <= run.recipe.steps]
    if not rows or run.step != run.recipe.steps:
        return None
    row = rows[-1]
    truth, scale, unit = _truth(run, row)
    names = ("forecast", "forecast_low", "forecast_high")
    value, low, high = (scale * float(row[name]) for name in names)
    of_validation = row["forecast_of"] == "nats_per_token"
    of = "of validation text" if of_validation else "of training"
    return HalfTime(row["step"], run.recipe.steps, value, low, high, truth, unit, of)


def _truth(run: Run, row: Mapping[str, Any]) -> tuple[float, float, str]:
    """The final loss, what nats are multiplied with to be in its unit, and that unit."""
    last = run.evaluation
    if row["forecast_of"] == "nats_per_token" and last is not None:
        nats, bits = float(last["nats_per_token"]), last.get("bits_per_byte")
        if bits is None:
            return nats, 1.0, "nats per token"
        return float(bits), float(bits) / nats, "bits per byte"
    begin = (1 - _LAST) * run.recipe.steps
    final = [one["loss"] for one in run.training if one["step"] >= begin]
    return float(np.mean(final)), 1.0, "nats per token"
