"""Concentrations and discounts, fitted on validation text."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from likely.models._counts import Counts
from likely.models._evidence import Evidence, gather
from likely.models._smoothing import Smoothing, keep_and_scale
from likely.models._walk import Reals, Step

LOWEST, HIGHEST = 0.1, 1e3  # of a concentration
SMALLEST = 1e-3  # discount
PLACES = 1 << 18  # of the validation text, evenly spaced, are looked at; a shorter one wholly
CHUNK = 1 << 13


class Fit:
    """Fits one model after the other on the same validation places.

    Args:
        smoothing: which of the two.
        counts: training counts.
        steps: validation text looked up in them, with targets.
    """

    def __init__(self, smoothing: Smoothing, counts: Counts, steps: Sequence[Step]) -> None:
        self.smoothing, self.size, self.steps = smoothing, counts.size, steps
        self.plain = smoothing == "dirichlet"
        self.levels = counts.levels
        self.lower = [gather(step, not self.plain, not self.plain) for step in steps]
        self.greedy = self._greedy() if self.plain else np.zeros((0, 1))

    def fit(self, order: int) -> Reals:
        """Settings of all levels of a model, together.

        Args:
            order: tokens in the longest gram.

        Returns:
            `[K, 1]` concentrations or `[K, 3]` discounts.
        """
        evidence = self.lower[:order]
        if not self.plain:
            evidence = [*evidence[:-1], gather(self.steps[order - 1], False, True)]
        few = [level.thinned() for level in evidence]
        starts = self.starts(order)
        found = [self._minimum(start, few) for start in starts]
        best = min(found, key=lambda settings: self.loss(settings, few)[0])
        ends = [self._minimum(best, evidence), *starts]
        return min(ends, key=lambda settings: self.loss(settings, evidence)[0])

    def _minimum(self, start: Reals, evidence: Sequence[Evidence]) -> Reals:
        low = np.full(start.shape, LOWEST if self.plain else SMALLEST)
        high = np.full(start.shape, HIGHEST if self.plain else [1.0, 2.0, 3.0])
        into, back = (np.log, np.exp) if self.plain else (_same, _same)

        def objective(x: Reals) -> tuple[float, Reals]:
            settings = back(x.reshape(start.shape))
            loss, slope = self.loss(settings, evidence)
            return loss, (slope * settings if self.plain else slope).reshape(-1)

        found = minimize(
            objective,
            into(start).reshape(-1),
            jac=True,
            bounds=list(zip(into(low).ravel().tolist(), into(high).ravel().tolist(), strict=True)),
            options={"maxiter": 100, "ftol": 1e-6, "gtol": 1e-6},
        )
        return np.clip(back(found.x.reshape(start.shape)), low, high)

    def starts(self, order: int) -> list[Reals]:
        """Settings before they are fitted together.

        Concentrations have several minima, and two starts find the best of those we know: level by
        level, and trusting little but the longest context. Discounts start from Chen and Goodman's.

        Args:
            order: tokens in the longest gram.

        Returns:
            Settings of all levels, one entry a start.
        """
        if self.plain:
            trusting = np.full((order, 1), 300.0)
            trusting[-1] = 3.0
            return [self.greedy[:order], trusting]
        seen = [level.seen[int(k < order - 1)] for k, level in enumerate(self.levels[:order])]
        return [np.array([discounts(four) for four in seen])]

    def loss(self, settings: Reals, evidence: Sequence[Evidence]) -> tuple[float, Reals]:
        """Nats a place and their slope along the settings.

        Args:
            settings: `[K, 1 or 3]`.
            evidence: one entry a level.

        Returns:
            The mean of −log p, and its gradient, like `settings`.
        """
        places = len(evidence[0].total)
        loss, slope = 0.0, np.zeros_like(settings)
        for begin in range(0, places, CHUNK):
            some = [level.at(slice(begin, begin + CHUNK)) for level in evidence]
            part, along = self._chunk(settings, some)
            loss, slope = loss + part, slope + along
        return loss / max(places, 1), slope / max(places, 1)

    def _chunk(self, settings: Reals, some: Sequence[Evidence]) -> tuple[float, Reals]:
        before = [np.full(len(some[0].total), 1.0 / self.size)]
        mixed = []
        for setting, level in zip(settings, some, strict=True):
            keep, scale = keep_and_scale(self.smoothing, setting, level.total, level.types)
            often = np.minimum(level.hit, 3)
            lost = 0.0 if self.plain else np.append(0.0, setting)[often]
            before.append((level.hit - lost) * scale + keep * before[-1])
            mixed.append((keep, scale, often))
        slope, flow = np.zeros_like(settings), -1.0 / before[-1]
        for k in range(len(settings) - 1, -1, -1):
            keep, scale, often = mixed[k]
            through = flow * scale
            if self.plain:
                slope[k, 0] = (through * scale) @ (some[k].total * before[k] - some[k].hit)
            else:
                slope[k] = np.einsum("kn,n->k", some[k].types, through * before[k])
                slope[k] -= np.bincount(often, through, minlength=4)[1:]
            flow = flow * keep
        return float(-np.log(before[-1]).sum()), slope

    def _greedy(self) -> Reals:
        """Each concentration given those of the shorter contexts."""
        out = []
        probability = np.full(len(self.lower[0].total), 1.0 / self.size)
        for level in self.lower:
            there = np.flatnonzero(level.total)
            total, hit = level.total[there], level.hit[there]
            before = probability[there]

            def loss(x: float, total: Reals = total, hit: Any = hit, p: Reals = before) -> float:
                alpha = np.exp(x)
                return -float(np.log((hit + alpha * p) / (total + alpha)).sum())

            ends = (float(np.log(LOWEST)), float(np.log(HIGHEST)))
            found = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 0.02})
            alpha = float(np.exp(min([*ends, float(found.x)], key=loss)))
            probability[there] = (hit + alpha * before) / (total + alpha)
            out.append([min(max(alpha, LOWEST), HIGHEST)])
        return np.array(out)


def discounts(seen: NDArray[np.int64]) -> list[float]:
    r"""Chen and Goodman's discounts from counts of counts.

    $$ Y = \frac{n_1}{n_1 + 2 n_2}, \quad D_r = r - (r + 1) Y \frac{n_{r+1}}{n_r} $$

    Args:
        seen: n_1 … n_4.

    Returns:
        D_1, D_2, D_{3+}; r / 2 where the counts of counts are too few to tell, and never above r.
    """
    one, two = float(seen[0]), float(seen[1])
    share = one / (one + 2 * two) if one + two else 0.0
    out = []
    for r in (1, 2, 3):
        enough = seen[r - 1] > 0 and share > 0
        value = r - (r + 1) * share * seen[r] / seen[r - 1] if enough else r / 2
        out.append(float(value) if SMALLEST < value <= r else r / 2)
    return out


def _same(x: Reals) -> Reals:
    return x
