"""What speaks against a fit: in the table, in the descents, and in refits without a run."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from likely.forecast._resample import resampled
from likely.forecast._solve import Problem, minimise
from likely.forecast.cautions import Caution
from likely.forecast.fitted import Fit
from likely.forecast.reach import OPERATIONS, is_numeric

ILL_CONDITIONED = 1e4
MOST_LEFT_OUT = 250
STRAY, FEWEST_FOR_STRAYS = 10.0, 10
"""Usual residuals that a run must be off the law to be named; runs needed to know the usual."""
_TOGETHER = 0.98
_SPREAD = 1.15


def fit_cautions(
    made: Fit, problem: Problem, table: Mapping[str, Any], best: Any, units: Any
) -> Fit:
    """The same fit with everything that speaks against it.

    Args:
        made: the fit.
        problem: what was solved.
        table: where it came from.
        best: coordinates of the best end.
        units: which rows belong to one run.

    Returns:
        The fit with its cautions.
    """
    found = [
        *_of_bounds(problem, best),
        *_of_starts(made),
        *_of_sizes(made, problem, table),
        *_of_condition(made),
        *_of_trunks(problem, table),
        *_of_parameters(table),
        *_of_horizon(table),
        *_of_outliers(made, problem, table, best, units),
        *_of_strays(made, table),
    ]
    return replace(made, cautions=tuple(found))


def _of_bounds(problem: Problem, best: Any) -> Iterator[Caution]:
    low, high = problem.box()
    for name, value, least, most, at in zip(
        problem.free, best, low, high, problem.values(best[None])[0], strict=True
    ):
        if value - least < 1e-6 or most - value < 1e-6:
            yield Caution(
                "bound",
                f"{name} ended at the edge of what the law allows ({at:.3g}): the data pull it "
                "further, or do not say it.",
                f"Look at its profile; hold {name} at a value you can defend, or choose a law "
                "without it.",
            )


def _of_starts(made: Fit) -> Iterator[Caution]:
    if made.arrived < 0.5:
        yield Caution(
            "starts",
            f"Only {made.arrived:.0%} of the starts ended at the best fit: there are other valleys "
            "nearly as deep, or a long flat one.",
            "Try more starts (--starts 64), hold an exponent, or add runs that differ in one "
            "column only.",
        )


def _of_sizes(made: Fit, problem: Problem, table: Mapping[str, Any]) -> Iterator[Caution]:
    free = len(problem.free)
    if made.units < 2 * free and made.units == made.count:
        yield Caution(
            "few",
            f"{made.count} runs for {free} coefficients: intervals from so few are rough.",
            f"Buy runs until there are at least {2 * free}, or hold exponents of a similar family.",
        )
    numbers = {}
    for name in made.law.columns:
        values = table[name]
        if is_numeric(values):
            numbers[name] = np.log(values.astype(np.float64))
    many = len(made.law.names) >= 2
    for name, logs in numbers.items():
        count = len(np.unique(np.round(logs, 3)))
        if count < 3 and many and made.held == {}:
            yield Caution(
                "sizes",
                f"{name} has {count} distinct value{'s' if count > 1 else ''}: an exponent, a "
                "scale and a constant cannot be told apart by fewer than three.",
                f"Add runs at other {name}, or hold the exponent that belongs to it.",
            )
        elif count >= 3 and np.ptp(logs) < np.log(4) and many and "loss" not in name:
            yield Caution(
                "sizes",
                f"{name} spans a factor of {np.exp(np.ptp(logs)):.1f} only: its exponent is a "
                "guess.",
                f"Add runs with {name} at least ten times apart.",
            )
    yield from _of_columns_together(numbers)


def _of_columns_together(numbers: Mapping[str, Any]) -> Iterator[Caution]:
    names = list(numbers)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            first, second = numbers[one], numbers[other]
            if np.ptp(first) == 0 or np.ptp(second) == 0:
                continue
            if abs(np.corrcoef(first, second)[0, 1]) > _TOGETHER:
                yield Caution(
                    "together",
                    f"{one} and {other} rise and fall together in all runs (as at a fixed number "
                    "of tokens per parameter): the law cannot say which of them did it.",
                    f"Add runs with the same {one} and another {other}.",
                )


def _of_condition(made: Fit) -> Iterator[Caution]:
    if made.condition > ILL_CONDITIONED:
        yield Caution(
            "condition",
            f"The condition number is {made.condition:.1e}: other coefficients far from these fit "
            "as well, and their standard errors are not to be believed.",
            "Read predictions inside the table only; for coefficients look at the profile, or "
            "hold one of them.",
        )


def _of_trunks(problem: Problem, table: Mapping[str, Any]) -> Iterator[Caution]:
    keys = [problem.observed]
    for name in ("step", "params", "tokens"):
        if isinstance(table.get(name), np.ndarray):
            keys.append(table[name].astype(np.float64))
    if len(keys) < 2:
        return
    rows = np.round(np.stack(keys, 1), 12)
    _, first, count = np.unique(rows, axis=0, return_index=True, return_counts=True)
    twice = int((count - 1).sum())
    if twice:
        yield Caution(
            "trunk",
            f"{twice} of {len(rows)} rows are those of another run to the last digit (the first: "
            f"{_places(table, first[count > 1][:1])}): runs that branched from one training share "
            "their trunk, and count it several times.",
            "Keep the trunk once, and score predictions only on points after the branch.",
        )


def _of_parameters(table: Mapping[str, Any]) -> Iterator[Caution]:
    for name in ("param_count", "params_convention"):
        if name in table and len(set(map(str, table[name]))) > 1:
            ways = ", ".join(sorted(set(map(str, table[name])))[:4])
            yield Caution(
                "parameters",
                f"Parameters are counted in several ways ({name}: {ways}): the exponents move "
                "with the convention.",
                f"Fit one at a time: --where \"{name} == '…'\".",
            )
            return
    have = all(isinstance(table.get(name), np.ndarray) for name in ("flops", "params", "tokens"))
    if not have:
        return
    ratio = table["flops"] / (OPERATIONS * table["params"] * table["tokens"])
    low, high = np.quantile(ratio, [0.05, 0.95])
    if low > 0 and high / low > _SPREAD:
        yield Caution(
            "parameters",
            f"FLOPs over 6·N·D go from {low:.2f} to {high:.2f} in this table: embeddings are "
            "counted in one and not in the other, or in some runs only, and that moves exponents.",
            "Say which parameters are meant (--map params=…), the same in every run and in what "
            "you predict.",
        )


def _of_horizon(table: Mapping[str, Any]) -> Iterator[Caution]:
    tokens = table.get("tokens")
    for name in ("warmup", "warmup_tokens", "warmup_steps"):
        warmup = table.get(name)
        if not is_numeric(warmup):
            continue
        reach = table.get("steps", table.get("step")) if name != "warmup_tokens" else tokens
        if isinstance(reach, np.ndarray) and (warmup > 0.1 * reach).any():
            yield Caution(
                "horizon",
                f"In {int((warmup > 0.1 * reach).sum())} runs more than a tenth of the training is "
                "warm-up: short runs then look worse than their size, which bends the exponents.",
                "Scale the warm-up with the horizon, or leave those runs out.",
            )
    run, step = table.get("run"), table.get("step")
    if run is None or not isinstance(step, np.ndarray) or "schedule" in table:
        return
    counts = np.unique(np.asarray(run).astype(str), return_counts=True)[1]
    if isinstance(tokens, np.ndarray) and (counts > 1).mean() > 0.5:
        yield Caution(
            "horizon",
            "Several rows are checkpoints of one run: while its learning rate was still high they "
            "had not the loss of a run that ends there.",
            "Use runs of constant rate, a law of schedules (annealing, multi_power), or final "
            "rows only.",
        )


def _of_outliers(
    made: Fit, problem: Problem, table: Mapping[str, Any], best: Any, units: Any
) -> Iterator[Caution]:
    errors = made.standard_errors
    if not errors or made.condition > ILL_CONDITIONED or made.units <= len(problem.free) + 1:
        return
    left_out = _suspects(made, units)
    weights = np.ones((len(left_out), made.count))
    for row, which in zip(weights, left_out, strict=True):
        row[np.isin(units, which)] = 0.0
    ends = minimise(problem, np.repeat(best[None], len(weights), axis=0), weights)
    values = problem.values(ends.points)
    whole = np.array([made.coefficients[name] for name in problem.free])
    moved = np.abs(values - whole) / np.array([max(errors[n], 1e-12) for n in problem.free])
    # Scales of power laws (A, B) are skewed: their distance in standard errors says little.
    moved[:, ~_well_scaled(made, problem)] = 0.0
    moved[~np.isfinite(ends.objectives)] = 0.0
    at = np.unravel_index(int(moved.argmax()), moved.shape)
    # A run that moves the fit widens its errors too: what counts are those without it.
    times = _without(problem, ends.points[at[0]], weights[at[0]], units, whole)[at[1]]
    if max(times, moved[at]) <= 2 or moved[at] < 1:
        return
    name = problem.free[at[1]]
    named = _places(table, np.flatnonzero(weights[at[0]] == 0))
    yield Caution(
        "outlier",
        f"Without {named}, {name} would be {values[at]:.4g} in place of "
        f"{whole[at[1]]:.4g}: {max(times, moved[at]):.1f} standard errors.",
        "Look at it: a diverged or unfinished run, another unit, another data set? Leave it out "
        "only for a reason that you would state.",
    )


def _of_strays(made: Fit, table: Mapping[str, Any]) -> Iterator[Caution]:
    """Runs that do not move the fit, and are far from it."""
    spare = made.spare_residuals()
    if len(spare) < FEWEST_FOR_STRAYS:
        return
    usual = 1.4826 * float(np.median(np.abs(spare)))
    far = np.flatnonzero(np.abs(made.residuals) > STRAY * max(usual, 1e-4))
    if not len(far):
        return
    worst = far[int(np.abs(made.residuals[far]).argmax())]
    by = float(np.expm1(made.residuals[worst]))
    also = f" ({len(far) - 1} more lie as far)" if len(far) > 1 else ""
    yield Caution(
        "stray",
        f"{_places(table, [worst])} is {abs(by):.0%} {'above' if by > 0 else 'below'} the law, "
        f"where runs usually are within {usual:.1%}{also}.",
        "The fit is hardly moved by it; but look whether it diverged, or is of another data set "
        "or unit.",
    )


def _places(table: Mapping[str, Any], rows: Any) -> str:
    """Where rows stand: file and line where the table knows them, else their number."""
    known = getattr(table, "rows", None)
    named = [known[i] if known else f"row {i + 1}" for i in rows]
    return ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")


def _suspects(made: Fit, units: Any) -> list[Any]:
    """Runs to leave out one at a time, and the two in a hundred farthest from the law at once."""
    size = np.bincount(units, weights=np.abs(made.residuals), minlength=made.units)
    order = np.argsort(-size)
    found = [np.array([one]) for one in order[:MOST_LEFT_OUT]]
    if made.units >= 20:
        found.append(order[: int(np.ceil(made.units / 50))])
    return found


def _without(problem: Problem, point: Any, weights: Any, units: Any, whole: Any) -> Any:
    """How many of its own standard errors the fit without some runs is from the whole one."""
    drawn = resampled(units, 200, np.random.default_rng(0)) * weights
    ends = minimise(problem, np.repeat(point[None], len(drawn), axis=0), drawn)
    spread = problem.values(ends.points).std(axis=0, ddof=1)
    away = np.abs(problem.values(point[None])[0] - whole)
    return away / np.maximum(spread, 1e-12)


def _well_scaled(made: Fit, problem: Problem) -> Any:
    spread = made.standard_errors
    return np.array([spread[n] < 0.5 * abs(made.coefficients[n]) for n in problem.free])
