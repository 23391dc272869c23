"""Approach 2: a parabola through the runs of every budget, a power law through their minima."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt
from jaxtyping import Float, Int

from likely.core.errors import BadInput
from likely.core.estimate import Estimate
from likely.core.settings import checked
from likely.forecast._problem import column_of, positive
from likely.forecast.cautions import Caution
from likely.forecast.fitted import Fit, Level
from likely.forecast.reach import OPERATIONS, compute_of

FEWEST_POINTS = 4
"""Runs of a budget below which it has no valley."""


@dataclass(frozen=True)
class Valley:
    """Runs of one budget, and where their loss is lowest.

    Args:
        flops: the budget.
        params: N* of the parabola.
        loss: at its bottom.
        bend: second derivative of the loss by ln N, in the unit of the loss.
        rows: the runs that the parabola goes through, places in the table.
    """

    flops: float
    params: float
    loss: float
    bend: float
    rows: tuple[int, ...]


@dataclass(frozen=True)
class IsoFlop:
    """How the best size grows with compute.

    Args:
        valleys: one a budget that has one.
        params_exponent: a in N* ∝ C^a.
        tokens_exponent: b in D* ∝ C^b; 1 − a where FLOPs are 6ND.
        scale: N* at one FLOP, by the line.
        level: of the intervals.
        left_out: budgets without a valley, and why.
        law_exponent: a of a fitted law, where one was given.
        biased_exponent: what this method makes of that law's own losses at the same runs: its
            difference from `law_exponent` is the bias of the method, not of the data.
        cautions: what speaks against it.
    """

    valleys: tuple[Valley, ...]
    params_exponent: Estimate
    tokens_exponent: Estimate
    scale: float
    level: float
    left_out: tuple[str, ...] = ()
    law_exponent: float | None = None
    biased_exponent: float | None = None
    cautions: tuple[Caution, ...] = ()

    def params_for(self, flops: float) -> float:
        """The best size for a budget.

        Args:
            flops: the budget.

        Returns:
            N*.
        """
        return float(self.scale * flops**self.params_exponent.value)


def isoflop(
    table: Mapping[str, Any],
    *,
    points: Annotated[int, Ge(FEWEST_POINTS)] = 5,
    law: Fit | None = None,
    tolerance: Annotated[float, Gt(0)] = 0.03,
    draws: Annotated[int, Ge(1)] = 1000,
    level: Level = 0.95,
    seed: Annotated[int, Ge(0)] = 0,
) -> IsoFlop:
    r"""The exponent of the best size by IsoFLOP valleys, and the bias that the method is known for.

    $$ L(\ln N) \approx c_0 + c_1 \ln N + c_2 (\ln N)^2, \qquad
       \ln N^* = -\frac{c_1}{2 c_2}, \qquad N^* \propto C^{a} $$
    A valley is no parabola: it is steeper on one side, and more so the wider the runs lie. So the
    minimum is drawn aside, by more at one budget than at another, and the exponent with it. Given a
    fitted law, the same is done to the law's own losses at the same runs, whose exponent is known.

    Args:
        table: `params`, `loss`, and `flops` or `tokens`, `[R]`.
        points: runs nearest to the lowest of a budget that the parabola goes through.
        law: a fit of a law of params and tokens, to show the bias.
        tolerance: how far the FLOPs of one budget may lie apart, as a share.
        draws: of the noise, for the intervals; it is that of the runs about their parabolas.
        level: of the intervals.
        seed: of the draws.

    Returns:
        Valleys, exponents, and the bias.

    Raises:
        BadInput: columns are missing, or fewer than two budgets have a valley.
        BadSetting: a setting outside its range.

    Example:
        >>> flops, place = np.repeat([1e18, 1e19, 1e20], 7), np.tile(np.linspace(-1.2, 1.2, 7), 3)
        >>> params = 0.1 * flops**0.5 * np.exp(place)
        >>> table = {"flops": flops, "params": params, "loss": 2 + 30 * flops**-0.08 + place**2 / 9}
        >>> found = isoflop(table)
        >>> round(found.params_exponent.value, 3), len(found.valleys)
        (0.5, 3)

    References:
        Hoffmann et al., Training Compute-Optimal Large Language Models, 2022, §3.2.
        arXiv:2203.15556; Porian et al., Resolving Discrepancies in Compute-Optimal Scaling of
        Language Models, 2024. arXiv:2406.19146 (what moves the exponent).
    """
    checked(isoflop, locals())
    params = positive("params", column_of(table, "params"))
    loss = positive("loss", column_of(table, "loss"))
    flops = compute_of(table)
    if flops is None:
        raise BadInput("IsoFLOP valleys need the column flops, or tokens beside params.")
    flops = positive("flops", flops)
    budget, left_out, rows = _budgets(flops, tolerance), [], []
    for one in range(budget.max() + 1):
        places = np.flatnonzero(budget == one)
        chosen, why = _around_lowest(params[places], loss[places], points)
        if why:
            left_out.append(f"{flops[places].mean():.2e} FLOPs: {why}")
        else:
            rows.append(places[chosen])
    if len(rows) < 2:
        raise BadInput(
            f"{len(rows)} of {budget.max() + 1} budgets have a valley, and a line needs two"
            f"{': ' + left_out[0] if left_out else ''}. Runs of one budget need equal FLOPs and at "
            f"least {FEWEST_POINTS} sizes, with the lowest loss inside."
        )
    means = np.array([flops[some].mean() for some in rows])
    fits = [_parabola(params[some], loss[some]) for some in rows]
    exponent, offset = _line(means, np.array([bottom for bottom, _, _, _ in fits])[None])
    interval = _interval(params, rows, fits, means, draws, level, seed)
    value = float(exponent[0])
    valleys = tuple(
        Valley(float(c), float(np.exp(bottom)), float(low), float(bend), tuple(map(int, some)))
        for c, (bottom, low, bend, _), some in zip(means, fits, rows, strict=True)
    )
    known, biased = _bias(law, params, flops, rows, means) if law else (None, None)
    return IsoFlop(
        valleys,
        Estimate(value, *interval),
        Estimate(1 - value, 1 - interval[1], 1 - interval[0]),
        float(np.exp(offset[0])),
        level,
        tuple(left_out),
        known,
        biased,
        tuple(_doubts(valleys, means, known, biased)),
    )


def _budgets(flops: Any, tolerance: float) -> Int[np.ndarray, "R"]:
    """Numbers of budgets: sorted FLOPs, cut where the next is farther than the tolerance."""
    order = np.argsort(flops)
    steps = np.diff(np.log(flops[order])) > tolerance
    number = np.empty(len(flops), int)
    number[order] = np.concatenate([[0], np.cumsum(steps)])
    return number


def _around_lowest(params: Any, loss: Any, points: int) -> tuple[Any, str]:
    """The runs about the lowest one; or why there is no valley."""
    order = np.argsort(params)
    if len(np.unique(params)) < FEWEST_POINTS:
        return order, f"{len(np.unique(params))} sizes only"
    lowest = int(loss[order].argmin())
    if lowest in (0, len(order) - 1):
        side = "smallest" if lowest == 0 else "largest"
        return order, f"the lowest loss is that of the {side} model"
    begin = int(np.clip(lowest - points // 2, 0, max(len(order) - points, 0)))
    chosen = order[begin : begin + points]
    _, _, bend, _ = _parabola(params[chosen], loss[chosen])
    return chosen, "" if bend > 0 else "the losses bend downwards"


def _parabola(params: Any, loss: Any) -> tuple[float, float, float, float]:
    """Place and height of the bottom, bend, and the sum of squared residuals."""
    logs = np.log(params)
    centre = logs.mean()
    basis = np.stack([np.ones_like(logs), logs - centre, (logs - centre) ** 2], 1)
    found, *_ = np.linalg.lstsq(basis, loss, rcond=None)
    c0, c1, c2 = map(float, found)
    if c2 <= 0:
        return centre, c0, 2 * c2, 0.0
    residual = float(((basis @ found - loss) ** 2).sum())
    return centre - c1 / (2 * c2), c0 - c1**2 / (4 * c2), 2 * c2, residual


def _line(flops: Any, bottoms: Float[np.ndarray, "C K"]) -> tuple[Any, Any]:
    """Slope and intercept of ln N* by ln C."""
    logs = np.log(flops)
    away = logs - logs.mean()
    slope = (bottoms - bottoms.mean(axis=1, keepdims=True)) @ away / (away @ away)
    return slope, bottoms.mean(axis=1) - slope * logs.mean()


def _interval(
    params: Any, rows: Any, fits: Any, means: Any, draws: int, level: float, seed: int
) -> tuple[float, float]:
    """Ends for the exponent: losses drawn again about every parabola."""
    spare = sum(len(some) - 3 for some in rows)
    noise = np.sqrt(sum(residual for *_, residual in fits) / max(spare, 1))
    rng = np.random.default_rng(seed)
    bottoms = []
    for (bottom, low, bend, _), some in zip(fits, rows, strict=True):
        logs = np.log(params[some])
        height = low + bend / 2 * (logs - bottom) ** 2
        centre = logs.mean()
        basis = np.stack([np.ones_like(logs), logs - centre, (logs - centre) ** 2], 1)
        found = np.linalg.pinv(basis) @ (height + rng.normal(0, noise, (draws, len(some)))).T
        # A draw without a bottom says nothing of where it is; it stays where the data have it.
        inside = found[2] > 0
        bottoms.append(np.where(inside, centre - found[1] / (2 * np.abs(found[2])), bottom))
    slope, _ = _line(means, np.stack(bottoms, 1))
    low_end, high_end = np.quantile(slope, [(1 - level) / 2, (1 + level) / 2])
    return float(low_end), float(high_end)


def _bias(law: Fit, params: Any, flops: Any, rows: Any, means: Any) -> tuple[float, float]:
    """The law's own exponent over these budgets, and what the parabolas make of its losses."""
    true, seen = [], []
    for some, budget in zip(rows, means, strict=True):
        size = params[some]
        tokens = flops[some] / (OPERATIONS * size)
        values = law.law.prepare({"params": size, "tokens": tokens})
        seen.append(_parabola(size, np.asarray(law.law.predict(values, law.coefficients)))[0])
        wide = np.geomspace(size.min() / 30, size.max() * 30, 4001)
        given = law.law.prepare({"params": wide, "tokens": budget / (OPERATIONS * wide)})
        true.append(np.log(wide[int(np.argmin(law.law.predict(given, law.coefficients)))]))
    return float(_line(means, np.array([true]))[0][0]), float(_line(means, np.array([seen]))[0][0])


def _doubts(valleys: Any, means: Any, known: float | None, biased: float | None) -> Any:
    if len(valleys) < 4:
        yield Caution(
            "few",
            f"The exponent rests on {len(valleys)} budgets.",
            "Buy runs at a budget ten times smaller or larger.",
        )
    if means.max() / means.min() < 10:
        yield Caution(
            "sizes",
            f"The budgets span a factor of {means.max() / means.min():.1f} only.",
            "Buy runs at a budget ten times smaller or larger.",
        )
    if known is not None and biased is not None and abs(known - biased) > 0.01:
        yield Caution(
            "bias",
            f"On losses of the fitted law itself, whose exponent is {known:.3f}, these parabolas "
            f"say {biased:.3f}: that much is the method, not the data.",
            "Use runs nearer to the minimum of each valley, or believe the law.",
        )
