"""From a sweep over learning rates and batch sizes to a table for the two step laws."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from jaxtyping import Float

from likely.core.errors import BadInput, ShapeError
from likely.core.settings import checked

_SETTINGS = ("learning_rate", "batch_tokens")


def best_of_sweep(
    table: Mapping[str, Any],
    by: Sequence[str] = ("params", "tokens"),
    *,
    tune: Sequence[str] = _SETTINGS,
    within: Annotated[float, Ge(0)] = 0.0,
    loss: str = "loss",
) -> dict[str, Float[np.ndarray, "R"]]:
    r"""The settings of the lowest loss in every cell of a sweep, or their mean near the lowest.

    $$ \ln \hat s = \frac{1}{|G|} \sum_{i \in G} \ln s_i, \qquad
       G = \{i : L_i \le (1 + w) \min_j L_j\} $$

    A sweep is a grid, and its lowest cell jumps by a whole factor when the loss moves by noise.
    With `within` above 0, the geometric mean of all settings nearly as good stands for the best.

    Args:
        table: column name → values, one a run.
        by: columns that are the same within a cell of the sweep.
        tune: columns that were swept, all above 0.
        within: w, how much above the lowest loss still counts, as a share of it.
        loss: the column of the loss.

    Returns:
        A table with one row a cell: `by`, `tune`, the lowest loss, `runs` in the cell and `near`,
        how many of them were averaged; sorted by `by`.

    Raises:
        ShapeError: a column is missing, or of another length.
        BadInput: a loss that is not finite, or a swept value that is not above 0.
        BadSetting: a `within` below 0.

    Example:
        >>> sweep = {"params": [1e8] * 3, "tokens": [1e9] * 3, "loss": [3.2, 3.0, 3.01]}
        >>> sweep |= {"learning_rate": [1e-4, 1e-3, 4e-3], "batch_tokens": [1e5] * 3}
        >>> best_of_sweep(sweep)["learning_rate"].tolist()
        [0.001]
        >>> best_of_sweep(sweep, within=0.01)["learning_rate"].round(6).tolist()
        [0.002]

    References:
        Li et al., Predictable Scale: Part I, Step Law, 2025. arXiv:2503.04715
    """
    checked(best_of_sweep, locals())
    columns = _read(table, [*by, *tune, loss])
    _usable(columns, tune, loss)
    keys = np.stack([columns[name] for name in by], axis=1)
    cells, place = np.unique(keys, axis=0, return_inverse=True)
    rows: list[list[float]] = []
    for cell in range(len(cells)):
        inside = np.flatnonzero(place.reshape(-1) == cell)
        losses = columns[loss][inside]
        # The first of equals where only the lowest counts: two runs that tie are not averaged.
        chosen = inside[losses <= losses.min() * (1 + within)] if within else None
        chosen = inside[[np.argmin(losses)]] if chosen is None else chosen
        means = [_middle(columns[name][chosen]) for name in tune]
        rows.append([*cells[cell], *means, losses.min(), len(inside), len(chosen)])
    names = [*by, *tune, loss, "runs", "near"]
    return {name: np.array([row[i] for row in rows]) for i, name in enumerate(names)}


def _middle(values: Float[np.ndarray, "_"]) -> float:
    """The geometric mean; a single value as it is, to the last digit."""
    return float(values[0] if len(values) == 1 else np.exp(np.log(values).mean()))


def _read(table: Mapping[str, Any], names: Sequence[str]) -> dict[str, Float[np.ndarray, "R"]]:
    missing = [name for name in names if name not in table]
    if missing:
        raise ShapeError(
            f"A sweep needs the columns {', '.join(names)}; {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing."
        )
    columns = {name: np.asarray(table[name], np.float64) for name in names}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1 or not min(lengths.values()):
        raise ShapeError(f"Columns of a sweep need the same rows, at least one: {lengths}.")
    return columns


def _usable(columns: Mapping[str, Any], tune: Sequence[str], loss: str) -> None:
    if not np.isfinite(columns[loss]).all():
        row = int(np.argmin(np.isfinite(columns[loss])))
        raise BadInput(f"Row {row} of the sweep has no finite {loss}: leave diverged runs out.")
    for name in tune:
        bad = ~(columns[name] > 0)
        if bad.any():
            row = int(np.argmax(bad))
            raise BadInput(f"Row {row} of the sweep has {name}={columns[name][row]}: not above 0.")
