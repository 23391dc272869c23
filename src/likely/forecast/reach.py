"""How far a prediction reaches beyond the runs it was learnt from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from jaxtyping import Float

from likely.core.errors import BadInput
from likely.forecast.cautions import Caution
from likely.forecast.law import Law

if TYPE_CHECKING:
    from likely.forecast.fitted import Fit

OPERATIONS = 6.0
"""Per parameter and token of training: two for reading, four for the gradient."""
FAR = 10.0
"""Times the largest compute of the table beyond which a prediction carries a caution."""


def compute_of(columns: Mapping[str, Any]) -> Any:
    """Floating-point operations of runs: the column `flops`, else 6 N D.

    Args:
        columns: name → values.

    Returns:
        One number a run, or None where neither is known.
    """
    if "flops" in columns:
        return np.asarray(columns["flops"], np.float64)
    if "params" in columns and "tokens" in columns:
        params = np.asarray(columns["params"], np.float64)
        return OPERATIONS * params * np.asarray(columns["tokens"], np.float64)
    return None


def costs_of(law: Law, table: Mapping[str, Any], cost: str | None) -> Float[np.ndarray, "R"]:
    """What every row of a table cost, to sort by.

    Args:
        law: what is fitted to it.
        table: column → values, `[R]`.
        cost: a column of it; FLOPs (given, or 6ND) where left out, else the last column that the
            law reads and that varies.

    Returns:
        One number a row.

    Raises:
        BadInput: there is no such column, or none that rows can be sorted by.
    """
    if cost is not None:
        if cost not in table:
            raise BadInput(f"The table has no column {cost!r} to sort runs by.")
        return np.asarray(table[cost], np.float64)
    compute = compute_of(table)
    if compute is not None:
        return np.asarray(compute, np.float64)
    numeric = [name for name in law.columns if is_numeric(table.get(name))]
    if not numeric:
        raise BadInput(f"{law.name} reads no column that runs can be sorted by: name a cost.")
    varying = [name for name in numeric if np.ptp(table[name]) > 0]
    return np.asarray(table[(varying or numeric)[-1]], np.float64)


def is_numeric(values: Any) -> TypeGuard[np.ndarray]:
    """Whether a column holds numbers.

    Args:
        values: the column.

    Returns:
        False for text, for schedules, and for what is not there.
    """
    return isinstance(values, np.ndarray) and values.dtype.kind in "iuf"


def reach_cautions(fit: "Fit", columns: Mapping[str, Any]) -> tuple[Caution, ...]:
    """Sentences on predictions that lie far outside the table.

    Args:
        fit: what predicts.
        columns: what is asked for.

    Returns:
        None, one, or several.
    """
    found = []
    compute, known = compute_of(columns), fit.spans.get("flops")
    if compute is not None and known is not None:
        times = float(np.max(compute)) / known[1]
        if times > FAR:
            found.append(
                Caution(
                    "extrapolation",
                    f"This reaches {times:,.0f} times the compute of the largest run in the table "
                    f"({known[1]:.2e} FLOPs); such predictions have come out 3 to 6 % too low.",
                    f"Buy a run near {known[1] * 10:.1e} FLOPs first, or read the interval as a "
                    "lower bound of the error.",
                )
            )
            return tuple(found)
    for name in fit.law.columns:
        values = columns.get(name)
        if name not in fit.spans or not isinstance(values, np.ndarray | int | float):
            continue
        low, high = fit.spans[name]
        largest, smallest = float(np.max(values)), float(np.min(values))
        if low > 0 and (largest > FAR * high or smallest < low / FAR):
            far = largest if largest > FAR * high else smallest
            found.append(
                Caution(
                    "extrapolation",
                    f"{name} = {far:.3g} is more than ten times outside the table, which spans "
                    f"{low:.3g} to {high:.3g}.",
                    f"Add runs with {name} nearer to it before you rely on this.",
                )
            )
    return tuple(found)
