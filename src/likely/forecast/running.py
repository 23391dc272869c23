"""What a run in progress will end with, from its curve so far and its schedule to the end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Gt, Lt
from jaxtyping import Float

from likely.core.settings import checked
from likely.forecast._running_checks import Curve, curve_of, rates_of, start_of, why_early
from likely.forecast._running_error import law_error, missed_by
from likely.forecast._running_fit import Ends, ends
from likely.forecast.cautions import Caution

Level = Annotated[float, Gt(0), Lt(1)]

SURE = 0.95
UNLEARNED = 0.5
"""How much a curve must have narrowed what a fall of the rate is worth, to be said to know it."""
BENT = 2.0


@dataclass(frozen=True, eq=False)
class Running:
    """What the loss at the end of a run will be.

    Args:
        value: the median.
        low: lower end of the interval.
        high: upper end.
        level: of the interval.
        seen: share of the run's steps that were taken.
        of: `train` or `validation`: whose loss it is.
        law: what the curve was taken for.
        gain: of the way from here to the end, what falling rates are expected to do.
        draws: from which median and interval are, `[C]`.
        cautions: what speaks against it.
    """

    value: float
    low: float
    high: float
    level: float
    seen: float
    of: str
    law: str
    gain: float
    draws: Float[np.ndarray, "C"]
    cautions: tuple[Caution, ...] = ()

    def chance_below(self, target: float) -> float:
        """The chance that the final loss is below a number.

        Args:
            target: the number.

        Returns:
            A share of the draws; never nearer to 0 or 1 than these can tell.
        """
        below = float((self.draws < target).sum() + 0.5)
        return below / (len(self.draws) + 1)

    def __str__(self) -> str:
        return f"final loss {self.value:.3g} ({self.low:.3g}–{self.high:.3g})"


@dataclass(frozen=True)
class Early:
    """No forecast yet.

    Args:
        reason: one sentence.
        seen: share of the run's steps that were taken.
    """

    reason: str
    seen: float

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class Advice:
    """What to do with a run in progress.

    Args:
        word: what to do.
        chance: that the final loss is below the target; None where there is no forecast.
        says: one sentence.
    """

    word: Literal["stop", "continue", "too early to say"]
    chance: float | None
    says: str


def running(
    steps: Curve,
    losses: Curve,
    rates: Float[np.ndarray, "_"],
    *,
    counts: Curve | None = None,
    validation: tuple[Curve, Curve] | None = None,
    level: Level = 0.95,
) -> Running | Early:
    r"""Forecast the final loss of a run in progress.

    $$ L(s) = L_0 + A\, S_1(s)^{-\alpha} - C\, S_2(s) \;[+\; \delta + \delta' s
       \text{ on validation text}] $$
    The curve after the warm-up is averaged over stretches, and the annealing law is fitted to it;
    where the rate is constant C plays no part and it is a power law of the steps. For a fixed α,
    and a fixed reach of the memory in S₂, the law is linear: its coefficients are then normally
    distributed, and a grid of both is weighed by how well each pair fits. Nothing is thrown away
    that the curve does not rule out, so that a band is wide as long as the curve is short.

    Before the rate has begun to fall, a curve says nothing of C. What is believed of it then: a
    fall to 0 is worth 4 ± 4 % of the loss; that is our own summary of published and own runs. The
    caution `decay` says so. The band holds the spread of the coefficients and what the law itself
    misses, more where it has missed later parts of this curve from earlier ones.

    Args:
        steps: taken when each loss was measured, from 1, rising.
        losses: of training, as they are: noisy. Rows that are not finite are passed over.
        rates: the learning rate of every step of the run, to its end; factors of the peak will do.
        counts: how many losses each entry is the mean of; 1 if left out.
        validation: steps and losses on validation text; if given, its final loss is forecast, and
            `losses` may be empty.
        level: of the interval.

    Returns:
        The forecast, or why there is none yet.

    Raises:
        ShapeError: steps and losses of other lengths.
        BadInput: steps that do not rise or that the schedule does not have, or rates that are none.
        BadSetting: a level outside (0, 1).

    Example:
        >>> rates = np.ones(1000)
        >>> steps = np.arange(1, 501)
        >>> found = running(steps, 2 + 3 / steps**0.5, rates)
        >>> found.low < 2 + 3 / 1000**0.5 < found.high, found.seen
        (True, 0.5)

    References:
        Tissue et al., Scaling Law with Learning Rate Annealing, 2024, eq. 1. arXiv:2408.11029. The
        weighing, the prior of C and the width of what the law misses are ours.
    """
    checked(running, locals())
    rates = rates_of(rates)
    train = curve_of("losses", steps, losses, counts, rates)
    other = curve_of("validation", *(validation or ((), ())), None, rates)
    of = "validation" if validation is not None else "train"
    seen = max(train.last, other.last) / len(rates)
    early = why_early(train, other, rates, seen)
    if early:
        return Early(early, seen)
    start = start_of(rates, seen * len(rates))
    points = (train.from_step(start).points(), other.from_step(start).points(exact=True))
    found = ends(*points, rates, at=len(rates), of=of)
    missed = missed_by(*points, rates)
    error = missed * law_error(seen, found.fall, found.rough)
    noise = np.random.default_rng(1).standard_normal(len(found.draws))
    draws = found.draws * np.exp(error * noise)
    low, value, high = np.quantile(draws, [(1 - level) / 2, 0.5, (1 + level) / 2])
    return Running(
        value=float(value),
        low=float(low),
        high=float(high),
        level=level,
        seen=seen,
        of=of,
        law="annealing" if found.falls else "power_law",
        gain=found.gain,
        draws=draws,
        cautions=tuple(_cautions(found, missed, seen)),
    )


def advice(
    forecast: Running | Early,
    target: Annotated[float, Gt(0)],
    *,
    sure: Annotated[float, Gt(0.5), Lt(1)] = SURE,
) -> Advice:
    """Whether a run in progress is worth going on with.

    Args:
        forecast: of its final loss.
        target: the loss that it should end below.
        sure: chance from which on there is an answer.

    Returns:
        `continue` where the target is as good as reached, `stop` where it is as good as missed,
        and `too early to say` in between.

    Raises:
        BadSetting: a target or a chance out of range.

    Example:
        >>> rates, steps = np.ones(1000), np.arange(1, 501)
        >>> found = running(steps, 2 + 3 / steps**0.5, rates)
        >>> advice(found, 1.9).word, advice(found, 2.3).word
        ('stop', 'continue')
    """
    checked(advice, locals())
    if isinstance(forecast, Early):
        return Advice("too early to say", None, forecast.reason)
    chance = forecast.chance_below(target)
    said = (
        f"After {forecast.seen:.0%} of the run, its final loss is expected at "
        f"{forecast.value:.4g} ({forecast.low:.4g}–{forecast.high:.4g}): the chance that it ends "
        f"below {target:.4g} is {_percent(chance)}."
    )
    if chance >= sure:
        return Advice("continue", chance, said)
    return Advice("stop" if chance <= 1 - sure else "too early to say", chance, said)


def _percent(chance: float) -> str:
    if chance < 0.01:
        return "below 1 %"
    return "above 99 %" if chance > 0.99 else f"{100 * chance:.0f} %"


def _cautions(found: Ends, missed: float, seen: float) -> Iterator[Caution]:
    if found.falls and found.learned < UNLEARNED:
        yield Caution(
            "decay",
            "This curve does not say yet what a falling rate is worth to it: between here and the "
            f"end, falls are assumed to take {found.gain:.2g} off the loss, as in other runs.",
            "Look again when the decay has begun; until then compare with runs of the same "
            "schedule, not with a constant rate.",
        )
    if missed >= BENT:
        yield Caution(
            "bent",
            f"Later parts of this curve were {missed:.1f} times as far from what its earlier parts "
            "promised as the law usually is.",
            "The band is widened by that. Something changed on the way (data, rate, a spike)? Look "
            "at the curve.",
        )
