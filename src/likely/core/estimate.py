"""A number that was estimated, with the interval it came with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """What was measured, and what else could be true.

    Args:
        value: the number itself.
        low: lower end of the interval.
        high: upper end of the interval.

    Example:
        >>> Estimate(0.5, 0.25, 0.75).width
        0.5
    """

    value: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """How wide the interval is."""
        return self.high - self.low
