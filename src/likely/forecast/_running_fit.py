"""What all coefficients that a curve so far allows say of its end, each as likely as it fits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from likely.forecast._running_points import Points
from likely.forecast.law import law

EXPONENTS = np.geomspace(0.08, 2.5, 28)
USUAL_EXPONENT, ITS_SPREAD = 0.5, 0.6
"""Median, and standard deviation of the logarithm, of alpha before the curve is seen."""
MEMORIES = (1 / 96, 1 / 24, 1 / 6)
"""How long a fall of the rate goes on to lower the loss, as shares of the run."""
GAIN, ITS_DEVIATION = 0.04, 0.04
"""What a fall of the rate to 0 is worth, as a share of the loss, before one is seen."""
DRAWS = 2000
CELLS = 10_000
"""Into which the steps of a long run are put together, so that an update costs no more for it."""
MISFIT = 1.5e-3
"""What the law misses of a point that it was fitted to, at least, as a share of the loss."""
APART, DRIFT = 0.1, 0.05
"""Standard deviations, as shares of the loss: of validation minus training loss, and of how much
that changes over a whole run."""


@dataclass(frozen=True, eq=False)
class Ends:
    """What the end of a run may be.

    Args:
        draws: of the loss at the end, `[C]`.
        fall: mean of the logarithm of now over then.
        gain: mean of what falls of the rate are worth from now to the end.
        learned: how much the curve narrowed what was believed of a fall at the start: 0 for not at
            all, near 1 where it is known.
        falls: whether the rate falls at all.
        rough: what the law leaves of the points beyond their noise, as a share of the loss.
    """

    draws: Float[np.ndarray, "C"]
    fall: float
    gain: float
    learned: float
    falls: bool
    rough: float


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Normal distributions of the coefficients, one for each pair of memory and exponent.

    Args:
        logs: how likely each pair is.
        means: of the coefficients, `[C, K]`.
        roots: their covariances' lower triangles, `[C, K, K]`.
    """

    logs: Any
    means: Any
    roots: Any


def ends(
    train: Points, validation: Points, rates: Float[np.ndarray, "_"], *, at: int, of: str
) -> Ends:
    """What the loss at a later step may be.

    Args:
        train: of the training loss, after the warm-up.
        validation: of the validation loss; empty where there is none.
        rates: of every step of the run.
        at: the step that is asked about.
        of: `train` or `validation`.

    Returns:
        Draws.
    """
    now = float(max([*train.steps, *validation.steps]))
    both = len(train.steps) > 0 and len(validation.steps) > 0
    steps = np.r_[train.steps, validation.steps, int(now), at]
    apart = np.r_[np.zeros(len(train.steps)), np.ones(len(validation.steps)), 0.0, 0.0]
    apart[-2:] = float(of == "validation")
    observed = np.r_[train.losses, validation.losses]
    level = float((train if len(train.steps) else validation).losses[-3:].mean())
    columns = _columns(steps, rates, apart if both else None)
    noise = np.r_[train.variances, validation.variances] / level**2
    found, rough = _settled(
        columns[:, :-2], observed / level, noise, apart[:-2], _prior(columns.shape[-1])
    )
    chosen, coefficients = _drawn(found, np.random.default_rng(0))
    made = np.einsum("ck,ck->c", columns[chosen, -1], coefficients)
    here = np.einsum("ck,ck->c", columns[chosen, -2], coefficients)
    fall = abs(float(np.log(np.median(here) / np.median(made))))
    gain = (columns[chosen, -2, 2] - columns[chosen, -1, 2]) * coefficients[:, 2]
    learned = 1 - min(float(coefficients[:, 2].std()) / ITS_DEVIATION, 1.0)
    return Ends(
        made * level,
        fall,
        float(gain.mean()) * level,
        learned,
        bool((columns[..., 2] != 0).any()),
        rough,
    )


def _columns(steps: Any, rates: Any, apart: Any) -> Float[np.ndarray, "C R K"]:
    """What the coefficients are multiplied with, for each memory and exponent."""
    cell = -(-len(rates) // CELLS)
    cells = np.add.reduceat(rates, np.arange(0, len(rates), cell)) / cell
    at = -(-steps // cell)
    reaches = MEMORIES if np.ptp(rates[int(rates.argmax()) :]) > 0 else MEMORIES[:1]
    blocks = []
    for share in reaches:
        memory = max(len(cells) * share, 2.0)
        trained, fallen = law(f"annealing(decay={1 - 1 / memory!r})").prepare(
            {"step": at, "schedule": [cells] * len(at)}
        )
        powers = np.exp(-EXPONENTS[:, None] * np.log(trained / trained[-2]))
        parts = [np.ones_like(powers), powers, np.broadcast_to(-fallen / memory, powers.shape)]
        if apart is not None:
            drift = apart * (steps - steps[-2]) / len(rates)
            parts += [np.broadcast_to(one, powers.shape) for one in (apart, drift)]
        blocks.append(np.stack(parts, -1))
    return np.concatenate(blocks)


def _prior(count: int) -> tuple[Any, Any]:
    means = np.array([0.8, 0.2, GAIN, 0.0, 0.0])[:count]
    deviations = np.array([0.4, 0.4, ITS_DEVIATION, APART, DRIFT])[:count]
    return means, deviations


def _settled(
    columns: Any, observed: Any, noise: Any, kind: Any, prior: Any
) -> tuple[_Fitted, float]:
    """The fit with the noise that it leaves: what averages still have, and what the law misses.

    Training losses wander with the order of the text, losses on the same validation text do not:
    each kind has what it leaves.
    """
    rows, count = columns.shape[1:]
    weights, beyond = np.ones(rows), np.full(rows, MISFIT**2)
    spare = max(1 - min(count, rows - 1) / rows, 0.2)
    for _ in range(4):
        found = _fitted(columns, observed, weights / (noise + beyond), prior)
        best = int(found.logs.argmax())
        away = observed - columns[best] @ found.means[best]
        size = np.sqrt(noise + beyond)
        weights = np.minimum(1.0, 2.5 * size / np.maximum(np.abs(away), 1e-12))
        left = weights * away**2 / spare - noise
        for one in np.unique(kind):
            beyond[kind == one] = max(float(left[kind == one].mean()), MISFIT**2)
    scaled = away / np.sqrt(noise + beyond)
    neighbours = (scaled[1:] * scaled[:-1])[kind[1:] == kind[:-1]]
    together = min(max(float(neighbours.sum() / max((scaled**2).sum(), 1e-12)), 0.0), 0.8)
    variance = (noise + beyond) * (1 + together) / (1 - together)
    rough = float(np.sqrt(max(beyond[kind == one].mean() for one in np.unique(kind))))
    return _fitted(columns, observed, weights / variance, prior), rough


def _fitted(columns: Any, observed: Any, weights: Any, prior: Any) -> _Fitted:
    means, deviations = prior
    own = np.diag(deviations**-2.0)
    weighed = columns * weights[:, None]
    precision = np.einsum("grk,grl->gkl", weighed, columns) + own
    asked = np.einsum("grk,r->gk", weighed, observed) + own @ means
    found = np.linalg.solve(precision, asked[..., None])[..., 0]
    fit = 0.5 * np.einsum("gk,gk->g", asked, found)
    fit -= 0.5 * np.linalg.slogdet(precision)[1]
    usual = np.log(EXPONENTS / USUAL_EXPONENT) / ITS_SPREAD
    fit -= 0.5 * np.tile(usual**2, len(columns) // len(EXPONENTS))
    roots = np.linalg.cholesky(np.linalg.inv(precision))
    return _Fitted(fit - fit.max(), found, roots)


def _drawn(found: _Fitted, rng: np.random.Generator) -> tuple[Any, Any]:
    """Draws of a pair and its coefficients; those with a negative one are none."""
    shares = np.exp(found.logs)
    chosen = rng.choice(len(shares), DRAWS, p=shares / shares.sum())
    normal = rng.standard_normal((DRAWS, found.means.shape[1]))
    drawn = found.means[chosen] + np.einsum("ckl,cl->ck", found.roots[chosen], normal)
    kept = (drawn[:, :3] > 0).all(axis=1)
    if kept.sum() < DRAWS // 50:
        drawn[:, :3] = np.abs(drawn[:, :3])
        kept[:] = True
    return chosen[kept], drawn[kept]
