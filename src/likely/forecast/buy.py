"""Which runs to buy: those that narrow a prediction most for what they cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt
from jaxtyping import Float

from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.forecast.fitted import Fit
from likely.forecast.reach import compute_of

PLACES = 9
"""Values of every column that are tried, evenly in its logarithm over the table's span."""


@dataclass(frozen=True)
class Purchase:
    """One run to buy, after those before it.

    Args:
        columns: what to train: `params`, `tokens` …
        flops: what it costs; None where the law's columns do not say.
        width_before: half the 95 % interval of the prediction, as a share of its value.
        width_after: the same once this run is known.
    """

    columns: Mapping[str, float]
    flops: float | None
    width_before: float
    width_after: float


def runs_to_buy(
    fit: Fit,
    target: Mapping[str, float],
    *,
    runs: Annotated[int, Ge(1)] = 3,
    flops: Annotated[float, Gt(0)] | None = None,
    noise: Annotated[float, Gt(0)] | None = None,
) -> list[Purchase]:
    r"""The runs whose results would narrow a prediction most, one after the other.

    $$ \operatorname{var}(t \mid y) = \operatorname{var}(t) -
       \frac{\operatorname{cov}(t, y)^2}{\operatorname{var}(y) + \sigma^2} $$
    The refits of resampled tables say how the prediction t and the result y of a run that could be
    bought go together; a run's noise σ is that of the table. With a budget, runs compete by the
    narrowing a FLOP, else by the narrowing.

    Args:
        fit: with resampling.
        target: the run that is to be predicted: column → value.
        runs: how many to buy at most.
        flops: for all of them together; a run may cost no more than a table's largest, if left out.
        noise: standard deviation of a run in log units; that of the fit where left out.

    Returns:
        Runs in the order of buying; fewer where the budget ends.

    Raises:
        BadInput: the fit has no refits, a column of the law is no number, or nothing is affordable.
        BadSetting: a setting outside its range.

    References:
        Chaloner and Verdinelli, Bayesian experimental design: a review, Statistical Science 10,
        1995, §2 (the variance that remains).
    """
    checked(runs_to_buy, locals())
    if not len(fit.samples):
        raise BadInput("Which runs to buy is read from refits: fit with bootstrap.")
    columns, costs = _candidates(fit)
    budget = flops if flops is not None else np.inf
    limit = fit.spans["flops"][1] if "flops" in fit.spans and flops is None else budget
    draws = np.log(fit.curves({n: np.append(v, target[n]) for n, v in columns.items()}))
    together = np.cov(draws, rowvar=False)
    variance, bought = max(noise or fit.noise, 1e-6) ** 2, []
    for _ in range(runs):
        gains = together[-1, :-1] ** 2 / (np.diag(together)[:-1] + variance)
        allowed = np.ones(len(gains), bool) if costs is None else costs <= min(limit, budget)
        if not allowed.any():
            break
        worth = gains if costs is None or flops is None else gains / costs
        best = int(np.where(allowed, worth, -1.0).argmax())
        before = _width(together)
        together = _known(together, best, variance)
        spent = None if costs is None else float(costs[best])
        budget -= spent or 0.0
        row = {name: float(values[best]) for name, values in columns.items()}
        bought.append(Purchase(row, spent, before * fit.stretch, _width(together) * fit.stretch))
    if not bought:
        raise BadInput(f"No run of the kind in the table costs less than {budget:.2e} FLOPs.")
    return bought


def _candidates(fit: Fit) -> tuple[dict[str, Float[np.ndarray, "C"]], Any]:
    axes = []
    for name in fit.law.columns:
        if name not in fit.spans:
            raise BadInput(f"Runs to buy are points; {name} of {fit.law.name} is no number.")
        low, high = fit.spans[name]
        axes.append(np.geomspace(low, high, PLACES))
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))
    columns = {name: grid[:, i] for i, name in enumerate(fit.law.columns)}
    if "tokens_per_param" in fit.spans:
        # The corners of the span are no runs that anybody trains.
        low, high = fit.spans["tokens_per_param"]
        ratio = columns["tokens"] / columns["params"]
        kept = (ratio >= low) & (ratio <= high)
        columns = {name: values[kept] for name, values in columns.items()}
    return columns, compute_of(columns)


def _known(together: Any, which: int, variance: float) -> Any:
    """The covariance once the result of one run is known."""
    column = together[:, which]
    return together - np.outer(column, column) / (together[which, which] + variance)


def _width(together: Any) -> float:
    return float(1.959964 * np.sqrt(max(together[-1, -1], 0.0)))
