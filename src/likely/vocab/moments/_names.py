"""The moments a statistic can name, and those it can ask for in its `wants`."""

import torch
from torch import Tensor

from likely.vocab.moments._accumulator import LOWEST, Moment
from likely.vocab.moments._extreme import Above, Top
from likely.vocab.moments._pick import Pick
from likely.vocab.moments._tilted import Tilted

PLAIN: dict[str, Moment] = {
    "log_sum": Moment(Tilted(), lambda s: s[0].log()),
    "first": Moment(Tilted(order=1), lambda s: s[1] / s[0]),
    "second": Moment(Tilted(order=2), lambda s: s[2] / s[0]),
    "log_sum_2": Moment(Tilted(tilt=2.0), lambda s: s[0].log()),
    "target": Moment(Pick(), lambda s: s[0][:, 0]),
    "above": Moment(Above(), lambda s: s[0]),
}
"""Moments without arguments; `shift` is the scan's own."""


def pick(ids: Tensor) -> Moment:
    """X of chosen ids.

    Args:
        ids: words, `[N, C]`.

    Returns:
        A moment, `[N, C]`.
    """
    return Moment(Pick(ids), lambda s: _excluded_are_gone(s[0]))


def expect(u: Tensor) -> Moment:
    """Σ eˣ u, not yet divided by Σ eˣ: pair it with `log_sum`.

    Args:
        u: fixed columns over the vocabulary, `[V, R]`.

    Returns:
        A moment, `[N, R]`.
    """
    return Moment(Tilted(u=u), lambda s: s[0])


def top(k: int) -> Moment:
    """X and ids of the k largest.

    Args:
        k: how many.

    Returns:
        A moment: x `[N, k]` and ids `[N, k]`.
    """
    return Moment(Top(k), lambda s: (_excluded_are_gone(s[0]), s[1]))


def _excluded_are_gone(x: Tensor) -> Tensor:
    """Put −∞ back where the scan clamped it."""
    return x.where(x > LOWEST / 2, torch.tensor(-torch.inf, dtype=x.dtype, device=x.device))
