r"""From counts to probabilities: every level adds to what the shorter context says.

$$ p_k(w \mid c) = \text{gain}_k(c, w) + \text{keep}_k(c) \, p_{k-1}(w \mid c') $$

with c' = c without its oldest token, p_0 uniform, and gains that sum to 1 − keep. The two
smoothings differ in gain and keep alone, so that each sum below is written once for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from likely.models._counts import Ints
from likely.models._walk import Reals, Step

Smoothing = Literal["dirichlet", "kneser_ney"]


@dataclass(frozen=True, eq=False)
class Weights:
    """Gain and keep of some contexts of one length; the last entry is for contexts never seen.

    Args:
        keep: share of the shorter context, one a row, then 1.
        scale: gain of one count, one a row, then 0.
        discount: what a count of 0, 1, 2, 3 and more loses.
    """

    keep: Reals
    scale: Reals
    discount: Reals

    def gain(self, count: Ints, row: Ints) -> Reals:
        """What counts add.

        Args:
            count: counts of context and continuation.
            row: row of the context, −1 for one never seen.

        Returns:
            One gain a count.
        """
        if not self.discount.any():
            return count * self.scale[row]
        return (count - self.discount[np.minimum(count, 3)]) * self.scale[row]


def keep_and_scale(
    smoothing: Smoothing, setting: Reals, total: Reals, types: Reals
) -> tuple[Reals, Reals]:
    r"""Share of the shorter context and gain of one count.

    $$ \text{Dirichlet: } \frac{\alpha}{n + \alpha}, \frac{1}{n + \alpha} \qquad
       \text{Kneser–Ney: } \frac{D_1 N_1 + D_2 N_2 + D_3 N_{3+}}{n}, \frac{1}{n} $$

    Args:
        smoothing: which of the two.
        setting: α, or the three discounts.
        total: n, one a context.
        types: N_1, N_2, N_{3+}, `[3, contexts]`.

    Returns:
        Keep and scale, one a context.
    """
    if smoothing == "dirichlet":
        alpha = setting[0]
        return alpha / (total + alpha), 1.0 / (total + alpha)
    there = total > 0
    scale = np.divide(1.0, total, where=there, out=np.zeros(len(total)))
    return np.where(there, np.einsum("k,kn->n", setting, types) * scale, 1.0), scale


def weigh(smoothing: Smoothing, settings: Reals, step: Step, left: bool) -> Weights:
    """Weights of all rows of a step.

    Args:
        smoothing: which of the two.
        settings: of this level.
        step: the contexts.
        left: whether numbers of different tokens before stand for counts.

    Returns:
        The weights.
    """
    seen = step.seen(left)
    keep, scale = keep_and_scale(smoothing, settings, seen.total, seen.types)
    discount = np.zeros(4)
    if smoothing == "kneser_ney":
        discount[1:] = settings
    return Weights(np.append(keep, 1.0), np.append(scale, 0.0), discount)


@dataclass(frozen=True, eq=False)
class Mixture:
    """A smoothing with its settings, for contexts of 0 to K − 1 tokens.

    Args:
        smoothing: which of the two.
        settings: one row a level: α, or D_1, D_2, D_{3+}; `[K, 1 or 3]`.
        size: V.
    """

    smoothing: Smoothing
    settings: Reals
    size: int

    @property
    def order(self) -> int:
        """K: tokens in the longest gram."""
        return len(self.settings)

    def left(self, level: int) -> bool:
        """True where Kneser–Ney counts different tokens before a gram: below the longest."""
        return self.smoothing == "kneser_ney" and level < self.order - 1

    def weights(self, steps: Sequence[Step]) -> list[Weights]:
        """Weights of the rows of each step.

        Args:
            steps: contexts of 0, 1, … tokens; those beyond the order are not used.

        Returns:
            One entry a level.
        """
        return [
            weigh(self.smoothing, self.settings[k], steps[k], self.left(k))
            for k in range(self.order)
        ]

    def targets(self, steps: Sequence[Step], weights: Sequence[Weights]) -> Reals:
        """Probability of the target at each place.

        Args:
            steps: the text, with targets.
            weights: of these steps.

        Returns:
            One probability a place.
        """
        out = np.full(len(steps[0].row), 1.0 / self.size)
        for k, weight in enumerate(weights):
            row = steps[k].row
            out = weight.gain(steps[k].hits(self.left(k)), row) + weight.keep[row] * out
        return out

    def likeliest(self, steps: Sequence[Step], weights: Sequence[Weights]) -> Reals:
        """Probability of the likeliest token at each place.

        It is a continuation of the longest context or the likeliest of the shorter one, so that
        only continuations are looked at. Computed by the very operations of `targets`.

        Args:
            steps: the text.
            weights: of these steps.

        Returns:
            One probability a place.
        """
        out = best = np.full(1, 1.0 / self.size)
        out_of_place = np.full(len(steps[0].row), best[0])
        flat = np.full(self.size, best[0])
        names = np.arange(self.size)
        for k, weight in enumerate(weights):
            step = steps[k]
            here = step.suffix[step.owner].astype(np.int64) * self.size + step.token
            flat = flat[names.searchsorted(here)]
            names = step.owner.astype(np.int64) * self.size + step.token
            gain = weight.gain(step.counts(self.left(k)), step.owner)
            flat = gain + weight.keep[step.owner] * flat
            out = weight.keep[:-1] * best[step.suffix]
            np.maximum.at(out, step.owner, flat)
            best = out
            there = step.row >= 0
            out_of_place[there] = best[step.row[there]]
        return out_of_place

    def everything(self, steps: Sequence[Step]) -> Reals:
        """Probability of every token at each place.

        Args:
            steps: the text; targets are not used.

        Returns:
            `[N, V]`; uniform where not even the empty context is known (padding).
        """
        places = len(steps[0].row)
        out = np.full((places, self.size), 1.0 / self.size)
        rows = np.full((1, self.size), 1.0 / self.size)
        for k, weight in enumerate(self.weights(steps)):
            step = steps[k]
            rows = rows[step.suffix] * weight.keep[:-1, None]
            at = step.owner.astype(np.int64) * self.size + step.token
            rows.reshape(-1)[at] += weight.gain(step.counts(self.left(k)), step.owner)
            last = step.row >= 0
            if k + 1 < self.order:
                last &= steps[k + 1].row < 0
            out[last] = rows[step.row[last]]
        return out
