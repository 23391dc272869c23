"""How far a prediction reaches beyond the runs it was learnt from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from likely.forecast.cautions import Caution

if TYPE_CHECKING:
    from likely.forecast.fitted import Fit

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
        return 6.0 * params * np.asarray(columns["tokens"], np.float64)
    return None


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
