"""A curve so far as few points: averages over stretches, and how noisy each of them is."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

STRETCHES = 40
"""Of a curve; more say nothing that these do not, and neighbours would be less independent."""


@dataclass(frozen=True, eq=False)
class Points:
    """Averages of a curve over stretches of its steps.

    Args:
        steps: in the middle of each stretch, `[R]`.
        losses: their averages.
        variances: of these averages, by the noise from one row to the next.
    """

    steps: Int[np.ndarray, "R"]
    losses: Float[np.ndarray, "R"]
    variances: Float[np.ndarray, "R"]

    def upto(self, step: float) -> "Points":
        """The points that were there at an earlier step.

        Args:
            step: the last one that counts.

        Returns:
            Fewer points.
        """
        kept = self.steps <= step
        return Points(*(one[kept] for one in (self.steps, self.losses, self.variances)))

    def after(self, step: float) -> "Points":
        """The points that came later.

        Args:
            step: the last one that does not count.

        Returns:
            Fewer points.
        """
        kept = self.steps > step
        return Points(*(one[kept] for one in (self.steps, self.losses, self.variances)))


@dataclass(frozen=True, eq=False)
class Measured:
    """A curve as it was logged.

    Args:
        steps: rising, `[N]`.
        losses: finite.
        counts: how many losses each is the mean of.
    """

    steps: Float[np.ndarray, "N"]
    losses: Float[np.ndarray, "N"]
    counts: Float[np.ndarray, "N"]

    @property
    def last(self) -> float:
        """The last step; 0 where there is none."""
        return float(self.steps[-1]) if len(self.steps) else 0.0

    def from_step(self, step: float) -> "Measured":
        """What came after a step.

        Args:
            step: the last one that does not count.

        Returns:
            Fewer rows.
        """
        kept = self.steps > step
        return Measured(self.steps[kept], self.losses[kept], self.counts[kept])

    def points(self, *, exact: bool = False) -> Points:
        """Averages over stretches that grow with the square root of the step.

        Evenly cut in the logarithm, the last stretches would hold most of the curve; evenly cut in
        steps, the first would hold most of its fall.

        Args:
            exact: whether one loss has no noise of its own, as on always the same text.

        Returns:
            The stretches that have a row.
        """
        if not len(self.steps):
            none = np.empty(0)
            return Points(none.astype(np.int64), none, none)
        roots = np.sqrt(self.steps)
        edges = np.linspace(roots[0], roots[-1], STRETCHES + 1)
        place = np.clip(np.searchsorted(edges, roots, side="right") - 1, 0, STRETCHES - 1)
        count = np.bincount(place, self.counts, STRETCHES)
        some = count > 0
        sums = (np.bincount(place, self.counts * x, STRETCHES) for x in (self.steps, self.losses))
        at, mean = (one[some] / count[some] for one in sums)
        noise = 0.0 if exact else _noise(self.losses, self.counts)
        return Points(np.maximum(np.round(at), 1).astype(np.int64), mean, noise / count[some])


def _noise(losses: Float[np.ndarray, "N"], counts: Float[np.ndarray, "N"]) -> float:
    """Variance of one loss about the curve, by how much neighbours differ; spikes do not count."""
    if len(losses) < 3:
        return 0.0
    second = losses[2:] - 2 * losses[1:-1] + losses[:-2]
    size = np.sqrt(1 / counts[2:] + 4 / counts[1:-1] + 1 / counts[:-2])
    return float((1.4826 * np.median(np.abs(second / size))) ** 2)
