"""Falls of a learning rate in blocks, and the sum of what they are worth by a power law."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from likely.forecast.laws._rates import LEAST, falls_of

Blocks = Float[np.ndarray, "R K"]
_CELLS = 20_000
"""Candidates times falls in one go: what stays in a processor's cache is quickest."""
_WIDEST = 0.5
"""The most that the logarithm of the rate may move within a block."""


def binned(
    rates: Float[np.ndarray, "_"],
    steps: Int[np.ndarray, "R"],
    blocks: int,
    counts_warmup: bool,
) -> tuple[Float[np.ndarray, "R"], Blocks, Blocks, Blocks]:
    """Falls up to each of some steps, in blocks that widen with their distance.

    G changes with the logarithm of the sum of rates since a fall, so edges are equally far apart in
    it; others keep the rate of a block nearly one. Falls and rises have blocks of their own: in one
    block they would cancel.

    Args:
        rates: one a step.
        steps: up to which.
        blocks: of falls, and as many of rises.
        counts_warmup: whether the rises of the warm-up count.

    Returns:
        The sum of rates up to each step, and of its blocks: the sum of falls, the mean logarithm of
        the rate and the mean sum of rates since, weighed by the falls.
    """
    total, floor = np.cumsum(rates), LEAST * rates.max()
    falls = falls_of(rates, counts_warmup=counts_warmup)
    log_rates = np.log(np.maximum(rates, floor))
    at = total[steps - 1]
    least = np.maximum(np.maximum(rates[steps - 1], floor) / at, 1e-12)
    shares = np.exp(np.log(least)[:, None] * np.linspace(0, 1, blocks + 1)[1:-1])
    # A fall lies before an edge if less than that share of the rates came before it.
    near = np.searchsorted(total - rates, at[:, None] * (1 - shares))
    moved = np.cumsum(np.abs(np.diff(log_rates, prepend=log_rates[:1])))
    level = np.flatnonzero(np.diff(np.floor(moved / _WIDEST))) + 1
    inner = np.concatenate([near, np.broadcast_to(level, (len(steps), len(level)))], axis=1)
    inner = np.sort(np.minimum(inner, steps[:, None]), axis=1)
    edges = np.concatenate([np.zeros_like(steps)[:, None], inner, steps[:, None]], axis=1)
    kinds = [np.maximum(falls, 0.0), np.minimum(falls, 0.0)]
    found = [_means(kind, log_rates, total - rates, edges) for kind in kinds if kind.any()]
    if not found:
        none = np.zeros((len(steps), 0))
        return at, none, none, none
    fall, log_rate, before = (np.concatenate(part, axis=1) for part in zip(*found, strict=True))
    some = np.argsort(fall == 0, axis=1, kind="stable")[:, : int((fall != 0).sum(axis=1).max())]
    fall, log_rate, before = (
        np.take_along_axis(part, some, axis=1) for part in (fall, log_rate, before)
    )
    return at, fall, log_rate, np.where(fall != 0, np.maximum(at[:, None] - before, 0.0), 0.0)


def _means(kind: Any, log_rates: Any, before: Any, edges: Any) -> tuple[Any, Any, Any]:
    """Sums between edges of one kind of falls, and means weighed by them."""

    def between(values: Any) -> Any:
        return np.diff(np.r_[0.0, np.cumsum(values)][edges], axis=1)

    fall = between(kind)
    # Rounding of long sums is no fall.
    fall = np.where(between((kind != 0).astype(float)) > 0, fall, 0.0)
    weight = np.where(fall == 0, 1.0, fall)
    return fall, between(kind * log_rates) / weight, between(kind * before) / weight


def summed(
    fall: Float[np.ndarray, "R K"],
    log_rate: Float[np.ndarray, "R K"],
    since: Float[np.ndarray, "R K"],
    C: Any,
    beta: Any,
    gamma: Any,
    *,
    derivatives: bool = False,
) -> tuple[Any, ...]:
    """Falls by what a power law makes of them, and its derivatives.

    Args:
        fall: sum of every block's falls.
        log_rate: the logarithm of its rate.
        since: the sum of rates since.
        C: how soon a fall takes effect: a number, or one a candidate, `[C, 1]`.
        beta: exponent of the rest.
        gamma: exponent of the rate.
        derivatives: whether those by C, beta and gamma are wanted.

    Returns:
        The sum, `[R]` or `[C, R]`, alone or with its three derivatives.
    """
    several = np.broadcast_arrays(*(np.asarray(one, np.float64) for one in (C, beta, gamma)))
    shape = several[0].shape[:-1]
    each = [one.reshape(-1, 1) for one in several]
    some = fall != 0
    if not len(fall) or not some.any():
        none = np.zeros((*shape, len(fall)))
        return (none,) * (4 if derivatives else 1)
    some[:, 0] = True  # So that every row has something to add up.
    ends = np.cumsum(some.sum(axis=1))
    cells = (fall[some], log_rate[some], since[some], np.r_[0, ends[:-1]])
    chunk = max(1, _CELLS // len(cells[0]))
    parts = [
        _some(derivatives, *cells, *(one[i : i + chunk] for one in each))
        for i in range(0, len(each[0]), chunk)
    ]
    return tuple(
        np.concatenate(part).reshape(*shape, len(fall)) for part in zip(*parts, strict=True)
    )


def _some(
    derivatives: bool,
    fall: Any,
    log_rate: Any,
    since: Any,
    rows: Any,
    c: Any,
    beta: Any,
    gamma: Any,
) -> tuple[Any, ...]:
    """The sums for some candidates, `[C, 1]` each, over cells of one row after another."""

    def added(values: Any) -> Any:
        return np.add.reduceat(values, rows, axis=-1)

    x = np.exp(-gamma * log_rate)
    x *= since
    x *= c
    grown = np.log1p(x)
    left = np.exp(-beta * grown)
    left *= fall
    dropped = added(fall) - added(left)
    if not derivatives:
        return (dropped,)
    grown *= left
    # x G'(x) = β (1 + x)^−β · x / (1 + x).
    left *= x
    x += 1
    left /= x
    by_c = added(left) * (beta / c)
    left *= log_rate
    return dropped, by_c, added(grown), added(left) * -beta
