"""What to train: size and data for a budget, the cheapest way to a loss, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt
from jaxtyping import Float

from likely.core.errors import BadInput
from likely.core.estimate import Estimate
from likely.core.settings import checked
from likely.forecast.cautions import Caution
from likely.forecast.fitted import Fit, Level
from likely.forecast.reach import OPERATIONS, reach_cautions

OPERATIONS_INFERENCE = 2.0
"""Per parameter and token that is read."""
_PLACES, _REFITS, _HALVINGS = 161, 1000, 60
_WIDTH = 3.0
"""Decades beyond the table's sizes that are searched on either side."""


@dataclass(frozen=True)
class Plan:
    """A model to train.

    Args:
        params: N.
        tokens: D, to train on.
        tokens_per_param: D / N.
        flops: of training, and of inference where it was counted.
        loss: to expect, in the unit of the law.
        level: of all intervals.
        cautions: what speaks against it.
    """

    params: Estimate
    tokens: Estimate
    tokens_per_param: Estimate
    flops: Estimate
    loss: Estimate
    level: float
    cautions: tuple[Caution, ...] = ()


def for_compute(
    fit: Fit,
    *,
    flops: Annotated[float, Gt(0)],
    inference_tokens: Annotated[float, Ge(0)] = 0.0,
    params: Annotated[float, Gt(0)] | None = None,
    level: Level = 0.95,
) -> Plan:
    r"""The size and the number of tokens with the lowest loss for a budget of compute.

    $$ \min_{N} L\!\left(N, \frac{C - 2 N D_\text{inf}}{6 N}\right) $$
    Every refit of a resampled table has its own optimum; the intervals are those of all of them.

    Args:
        fit: of a law of `params` and `tokens`.
        flops: C, of training, and of inference if `inference_tokens` are given.
        inference_tokens: tokens that the finished model shall read or write, at 2 N each.
        params: N, where it is given and only the rest is asked.
        level: of the intervals.

    Returns:
        The plan.

    Raises:
        BadInput: the law has other columns, the best size lies outside what was searched, or the
            budget is smaller than what inference costs.
        BadSetting: a setting outside its range.

    References:
        Hoffmann et al., Training Compute-Optimal Large Language Models, 2022, eq. 4.
        arXiv:2203.15556; Sardana et al., Beyond Chinchilla-Optimal, 2024, eq. 2. arXiv:2401.00448
        (the cost of inference).
    """
    checked(for_compute, locals())
    _of_size_and_data(fit)
    if params is None:
        low, high = fit.spans["params"]
        sizes = _grid(low, max(high, np.sqrt(flops / OPERATIONS)))
    else:
        sizes = np.array([params])
    tokens = _tokens(sizes, flops, inference_tokens)
    if not (tokens > 0).any():
        raise BadInput(
            f"{flops:.2e} FLOPs do not even pay for {inference_tokens:.2e} tokens of inference by "
            f"the smallest model looked at ({sizes[0]:.2e} parameters): ask for a larger budget."
        )
    sizes, tokens = sizes[tokens > 0], tokens[tokens > 0]
    draws = _values(fit, sizes, tokens)
    best = draws.argmin(axis=1)
    if params is None and best[0] in (0, len(sizes) - 1):
        raise BadInput(
            "By this fit the loss falls up to the edge of the sizes that were searched "
            f"({sizes[0]:.1e} to {sizes[-1]:.1e} parameters): it cannot say how to split a budget. "
            "Look at its warnings."
        )
    chosen = np.exp(_vertex(np.log(sizes), draws, best)) if params is None else sizes[best]
    given = _tokens(chosen, flops, inference_tokens)
    losses = _each(fit, chosen, given)
    return _plan(fit, chosen, given, np.full(len(chosen), flops), losses, level)


def for_loss(
    fit: Fit,
    *,
    loss: Annotated[float, Gt(0)],
    params: Annotated[float, Gt(0)] | None = None,
    inference_tokens: Annotated[float, Ge(0)] = 0.0,
    level: Level = 0.95,
) -> Plan:
    """The cheapest training that reaches a loss; or the fewest tokens for a given size.

    Args:
        fit: of a law of `params` and `tokens`.
        loss: to reach, in the unit of the law.
        params: N, where it is given and only the tokens are asked.
        inference_tokens: tokens that the finished model shall read or write, at 2 N each.
        level: of the intervals.

    Returns:
        The plan.

    Raises:
        BadInput: the law has other columns, or says that no size, or not this one, gets there.
        BadSetting: a setting outside its range.
    """
    checked(for_loss, locals())
    _of_size_and_data(fit)
    sizes = _grid(*fit.spans["params"]) if params is None else np.array([params])
    needed = _tokens_for(fit, sizes, loss)
    costs = sizes * (OPERATIONS * needed + OPERATIONS_INFERENCE * inference_tokens)
    best = costs.argmin(axis=1)
    rows = np.arange(len(costs))
    reached = np.isfinite(costs[rows, best])
    if not reached[0]:
        what = f"a model of {params:.2e} parameters" if params else "no model"
        raise BadInput(
            f"By this fit {what} {'never reaches' if params else 'reaches'} {loss:g}: "
            f"ask for a higher loss{', or a larger model' if params else ''}."
        )
    cautions: list[Caution] = []
    if reached.mean() < 0.999:
        cautions.append(
            Caution(
                "reach",
                f"{1 - reached.mean():.0%} of the refits say that {loss:g} is never reached; the "
                "intervals are of the others.",
                "Ask for a higher loss, or buy the runs that likely forecast plan --buy names.",
            )
        )
    rows, best = rows[reached], best[reached]
    chosen = sizes[best]
    tokens, flops = needed[rows, best], costs[rows, best]
    return _plan(fit, chosen, tokens, flops, np.full(len(rows), loss), level, cautions)


def _of_size_and_data(fit: Fit) -> None:
    if not {"params", "tokens"} <= set(fit.law.columns) or len(fit.law.columns) != 2:
        raise BadInput(
            f"A budget can be split by a law of params and tokens; {fit.law.name} reads "
            f"{', '.join(fit.law.columns)}: fit chinchilla or kaplan for it."
        )


def _grid(low: float, high: float) -> Float[np.ndarray, "K"]:
    return np.geomspace(low / 10**_WIDTH, high * 10**_WIDTH, _PLACES * 2)


def _tokens(sizes: Any, flops: float, inference_tokens: float) -> Any:
    return (flops - OPERATIONS_INFERENCE * sizes * inference_tokens) / (OPERATIONS * sizes)


def _coefficients(fit: Fit) -> dict[str, Any]:
    """The best fit first, then refits, as columns."""
    best = np.array([[fit.coefficients[name] for name in fit.law.names]])
    rows = np.concatenate([best, fit.samples[:_REFITS]])
    return {name: rows[:, i, None] for i, name in enumerate(fit.law.names)}


def _values(fit: Fit, sizes: Any, tokens: Any) -> Float[np.ndarray, "C K"]:
    columns = {"params": sizes, "tokens": tokens}
    arguments = tuple(columns[name] for name in fit.law.columns)
    with np.errstate(all="ignore"):
        found = np.asarray(fit.law.predict(arguments, _coefficients(fit)), np.float64)
    return np.where(np.isfinite(found), found, np.inf)


def _each(fit: Fit, sizes: Any, tokens: Any) -> Float[np.ndarray, "C"]:
    """Every refit at its own size and data."""
    columns = {"params": sizes[:, None], "tokens": tokens[:, None]}
    arguments = tuple(columns[name] for name in fit.law.columns)
    return np.asarray(fit.law.predict(arguments, _coefficients(fit)), np.float64)[:, 0]


def _vertex(places: Any, values: Any, best: Any) -> Any:
    """Between the places of an even grid: the lowest point of the parabola through three."""
    best = np.clip(best, 1, len(places) - 2)
    rows = np.arange(len(values))
    left, middle, right = (values[rows, best + i] for i in (-1, 0, 1))
    bend = left - 2 * middle + right
    with np.errstate(all="ignore"):
        shift = np.where(bend > 0, 0.5 * (left - right) / bend, 0.0)
    return places[best] + np.clip(np.nan_to_num(shift), -1, 1) * (places[1] - places[0])


def _tokens_for(fit: Fit, sizes: Any, loss: float) -> Float[np.ndarray, "C K"]:
    """Tokens with which each size reaches a loss, by halving; infinite where none do."""
    low, high = fit.spans["tokens"]
    shape = (1 + len(fit.samples[:_REFITS]), len(sizes))
    least = np.full(shape, np.log(low) - 3 * _WIDTH * np.log(10))
    most = np.full(shape, np.log(high) + 3 * _WIDTH * np.log(10))
    never = _values(fit, sizes, np.exp(most)) > loss
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        above = _values(fit, sizes, np.exp(middle)) > loss
        least, most = np.where(above, middle, least), np.where(above, most, middle)
    return np.where(never, np.inf, np.exp(most))


def _plan(
    fit: Fit,
    params: Any,
    tokens: Any,
    flops: Any,
    losses: Any,
    level: float,
    cautions: Sequence[Caution] = (),
) -> Plan:
    columns: Mapping[str, Any] = {"params": params[:1], "tokens": tokens[:1]}
    # The law may be missed by more than its refits differ: the loss is widened like a prediction.
    wide = losses[0] * (losses / losses[0]) ** fit.stretch
    return Plan(
        params=_estimate(params, level),
        tokens=_estimate(tokens, level),
        tokens_per_param=_estimate(tokens / params, level),
        flops=_estimate(flops, level),
        loss=_estimate(wide, level),
        level=level,
        cautions=(*cautions, *reach_cautions(fit, columns)),
    )


def _estimate(draws: Any, level: float) -> Estimate:
    refits = draws[1:] if len(draws) > 1 else draws
    low, high = np.quantile(refits, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(draws[0]), float(low), float(high))
