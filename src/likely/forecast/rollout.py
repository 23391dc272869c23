"""Laws put to the test: learnt from the cheap runs, scored on the dear ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt, Lt
from jaxtyping import Bool, Float, Int

from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.forecast.fit import fit, rows_of
from likely.forecast.fitted import Fit, Level
from likely.forecast.law import Law
from likely.forecast.law import law as law_of
from likely.forecast.reach import costs_of, is_numeric, reach_cautions

Share = Annotated[float, Gt(0), Lt(1)]


@dataclass(frozen=True, eq=False)
class Rollout:
    """Runs that were predicted without having been seen.

    Args:
        fit: what was learnt from the others.
        rows: places of the predicted rows in the table, `[R]`.
        observed: what they gave, `[R]`.
        value: what was predicted, `[R]`.
        low: lower end of the interval of a run, `[R]`.
        high: upper end, `[R]`.
        cautioned: whether the fit or the prediction of that row carries a caution, `[R]`.
        level: of the interval.
    """

    fit: Fit
    rows: Int[np.ndarray, "R"]
    observed: Float[np.ndarray, "R"]
    value: Float[np.ndarray, "R"]
    low: Float[np.ndarray, "R"]
    high: Float[np.ndarray, "R"]
    cautioned: Bool[np.ndarray, "R"]
    level: float

    @property
    def errors(self) -> Float[np.ndarray, "R"]:
        """Predicted over observed minus one: below 0 where the prediction is too low."""
        return np.asarray(self.value / self.observed - 1)

    @property
    def mean_error(self) -> float:
        """Mean absolute relative error (the ARE of the Hitchhiker's guide)."""
        return float(np.abs(self.errors).mean())

    @property
    def largest_error(self) -> float:
        """Largest absolute relative error."""
        return float(np.abs(self.errors).max())

    @property
    def inside(self) -> Bool[np.ndarray, "R"]:
        """Which rows lie in the interval of a run."""
        return (self.low <= self.observed) & (self.observed <= self.high)

    @property
    def coverage(self) -> float:
        """Share of them."""
        return float(self.inside.mean())


def roll_out(
    law: str | Law | Callable[..., Any],
    table: Mapping[str, Any],
    *,
    below: Annotated[float, Gt(0)] | None = None,
    largest: Share = 0.2,
    cost: str | None = None,
    level: Level = 0.95,
    **settings: Any,
) -> Rollout:
    """Fit a law to the cheap rows of a table and predict the dear ones.

    Args:
        law: as for `fit`.
        table: column → values, `[R]`.
        below: rows of a smaller cost are learnt from, all others predicted; in the unit of the
            cost.
        largest: where `below` is left out, the share of the rows that is predicted.
        cost: the column to sort by; FLOPs (given, or 6ND) where left out, else the last column
            that the law reads.
        level: of the interval of a run.
        settings: as for `fit`.

    Returns:
        Every predicted row.

    Raises:
        BadInput: nothing is left to learn from or to predict, or the fit fails.
        BadSetting: a setting outside its range.

    Example:
        >>> params, tokens = np.repeat([1e8, 3e8, 1e9, 3e9], 3), np.tile([2e9, 6e9, 2e10], 4)
        >>> loss = 1.7 + 400 * params**-0.34 + 410 * tokens**-0.28
        >>> table = {"params": params, "tokens": tokens, "loss": loss}
        >>> found = roll_out("chinchilla", table, below=1e20, bootstrap=0)
        >>> len(found.rows), found.mean_error < 1e-3
        (3, True)

    References:
        Choshen et al., A Hitchhiker's Guide to Scaling Law Estimation, 2024, §3. arXiv:2410.11840
        (absolute relative error of the largest runs).
    """
    checked(roll_out, locals())
    chosen = law_of(law)
    costs = costs_of(chosen, table, cost)
    limit = float(np.quantile(costs, 1 - largest)) if below is None else below
    dear = costs > limit if below is None else costs >= limit
    if below is None and not dear.any():
        dear = costs >= limit
    return predict_rows(chosen, table, held_out=dear, level=level, **settings)


def predict_rows(
    law: str | Law | Callable[..., Any],
    table: Mapping[str, Any],
    *,
    held_out: Bool[np.ndarray, "R"],
    level: Level = 0.95,
    **settings: Any,
) -> Rollout:
    """Fit a law without some rows and predict these.

    Args:
        law: as for `fit`.
        table: column → values, `[R]`.
        held_out: the rows to predict.
        level: of the interval of a run.
        settings: as for `fit`.

    Returns:
        Every predicted row.

    Raises:
        BadInput: nothing is left to learn from or to predict, or the fit fails.
        BadSetting: a setting outside its range.
    """
    checked(predict_rows, locals())
    if not held_out.any() or held_out.all():
        raise BadInput(
            f"{int(held_out.sum())} of {len(held_out)} rows would be predicted and "
            f"{int((~held_out).sum())} learnt from: choose another limit."
        )
    chosen, seen = law_of(law), rows_of(table, ~held_out)
    found, asked = fit(chosen, seen, **settings), rows_of(table, held_out)
    said = found.predict(asked, level=level)
    each = [
        bool(found.cautions or reach_cautions(found, rows_of(asked, np.array([i]))))
        for i in range(int(held_out.sum()))
    ]
    return Rollout(
        found,
        np.flatnonzero(held_out),
        np.asarray(asked[chosen.output], np.float64),
        said.value,
        said.run_low,
        said.run_high,
        np.array(each, bool),
        level,
    )


@dataclass(frozen=True, eq=False)
class Compared:
    """Laws on the same held-out rows, best first.

    Args:
        rollouts: law as text → what it predicted.
        noise: standard deviation of repeated runs in log units: no law can be nearer than that;
            None where no run was repeated.
        failed: law as text → why it could not be fitted.
    """

    rollouts: Mapping[str, Rollout]
    noise: float | None
    failed: Mapping[str, str]


def compare_laws(
    laws: Sequence[str | Law | Callable[..., Any]], table: Mapping[str, Any], **settings: Any
) -> Compared:
    """Compare laws by what they predict of runs that they did not see; never by their fit.

    Args:
        laws: as for `fit`.
        table: column → values, `[R]`.
        settings: as for `roll_out`.

    Returns:
        The laws, smallest mean error first.

    Raises:
        BadInput: no law could be fitted.
        UnknownName: no law is called so.
    """
    found, failed = {}, {}
    chosen = [law_of(one) for one in laws]
    for one in chosen:
        try:
            found[str(one)] = roll_out(one, table, **settings)
        except BadInput as problem:
            failed[str(one)] = str(problem)
    if not found:
        raise BadInput(next(iter(failed.values()), "There is no law to compare."))
    order = sorted(found, key=lambda name: found[name].mean_error)
    floor = seed_noise(table, columns=chosen[0].columns, output=chosen[0].output)
    return Compared({name: found[name] for name in order}, floor, failed)


def seed_noise(
    table: Mapping[str, Any], *, columns: Sequence[str], output: str = "loss"
) -> float | None:
    """Standard deviation of runs that differ in their seed alone, in log units.

    Args:
        table: column → values, `[R]`.
        columns: runs that agree in all of these are repeats of each other.
        output: what they gave.

    Returns:
        Pooled over all groups of repeats; None where no run was repeated. Rows that are equal to
        the last digit are copies, not repeats.

    Raises:
        BadSetting: a setting that is none.
    """
    checked(seed_noise, locals())
    numbers = [np.asarray(table[n], np.float64) for n in columns if is_numeric(table.get(n))]
    if len(numbers) < len(columns):
        return None
    logs = np.log(np.asarray(table[output], np.float64))
    rows = np.unique(np.stack([*numbers, logs], 1), axis=0)
    _, group = np.unique(rows[:, :-1], axis=0, return_inverse=True)
    group = np.ravel(group)
    count = np.bincount(group)
    mean = np.bincount(group, weights=rows[:, -1]) / count
    spare = len(rows) - len(count)
    if not spare:
        return None
    return float(np.sqrt(((rows[:, -1] - mean[group]) ** 2).sum() / spare))
