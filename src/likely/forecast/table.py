"""A table of runs: named columns, where each row came from, and what was done on reading."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Shaped
from numpy.typing import ArrayLike

from likely.core.errors import ShapeError
from likely.forecast import _reading
from likely.forecast._expressions import chosen, evaluate
from likely.forecast._formula_words import unknown
from likely.forecast._numbers import places

Kept = Shaped[np.ndarray, "R"] | tuple[np.ndarray, ...]
"""A column: numbers or texts; or one array a row, as `schedule` has them."""


@dataclass(frozen=True, eq=False, repr=False)
class Table(Mapping[str, Any]):
    """Columns of runs by name, each with one value a row; it is never changed, only made anew.

    Args:
        columns: name → numbers (float64) or texts, `[R]`; `schedule` → one array a row.
        rows: file and line of each row; filled in where it is left out.
        notes: sentences on what was read, converted and left out, and why.
        candidates: names that no column could be given without guessing → columns of the file.

    Example:
        >>> table = Table({"params": np.array([1e6, 1e8]), "loss": np.array([5.0, 3.5])})
        >>> table.count, table.where("params < 1e7")["loss"].tolist()
        (2, [5.0])
    """

    columns: Mapping[str, Any]
    rows: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    candidates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    __hash__ = object.__hash__
    __eq__ = object.__eq__

    def __post_init__(self) -> None:
        sizes = {name: len(values) for name, values in self.columns.items()}
        count = len(self.rows) or next(iter(sizes.values()), 0)
        wrong = [f"{name} has {size}" for name, size in sizes.items() if size != count]
        if wrong:
            raise ShapeError(f"A table of {count} rows: {', '.join(wrong)} values.")
        if not self.rows:
            object.__setattr__(self, "rows", tuple(f"row {n}" for n in range(1, count + 1)))

    @property
    def count(self) -> int:
        """R, how many rows there are."""
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Table({self.count:,} rows: {places(list(self.columns), 12)})"

    def __getitem__(self, name: str) -> Any:
        if name in self.columns:
            return self.columns[name]
        if name in self.candidates:
            raise _reading.ambiguous(name, self.candidates[name])
        raise unknown(name, self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def get(self, name: str, default: Any = None) -> Any:
        """A column, or something else where there is none of that name.

        Args:
            name: of the column.
            default: what to give instead.

        Returns:
            The column.
        """
        return self.columns.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def _plain(self) -> dict[str, Any]:
        """Columns that formulas can use; `schedule` stands for its names where there are such."""
        plain = {k: held for k, held in self.columns.items() if not isinstance(held, tuple)}
        if "schedule_name" in plain:
            plain.setdefault("schedule", plain["schedule_name"])
        return plain

    def take(self, which: ArrayLike) -> "Table":
        """Some of the rows.

        Args:
            which: one truth value a row, or places from 0.

        Returns:
            A table of those rows, in the order of the places.

        Raises:
            ShapeError: another number of truth values than rows.
        """
        asked = np.asarray(which)
        if asked.dtype == np.bool_ and asked.shape != (self.count,):
            raise ShapeError(
                f"{asked.size} truth values cannot choose among {self.count} rows: give one a row."
            )
        kept = np.flatnonzero(asked) if asked.dtype == np.bool_ else asked.astype(np.int64)
        columns = {name: _at(values, kept) for name, values in self.columns.items()}
        return replace(self, columns=columns, rows=tuple(self.rows[k] for k in kept.tolist()))

    def where(self, condition: str) -> "Table":
        """Rows that fulfil a condition, such as `params < 1e9 and hparams == 'base'`.

        Args:
            condition: comparisons joined by and, or, not; `=` is `==`, and `in (…)` lists values.
                Columns with other signs than letters stand in backticks. A missing value fulfils
                no comparison.

        Returns:
            A table of those rows, with the condition in its notes.

        Raises:
            BadInput: it cannot be read, names a column that is not there, or no row fulfils it.
        """
        kept = self.take(chosen(condition, self._plain, self.count))
        return kept.noted(f"Rows where {condition}: {kept.count:,} of {self.count:,}.")

    def with_column(self, name: str, values: "str | ArrayLike | Sequence[np.ndarray]") -> "Table":
        """The same rows with a column more, or another one in its place.

        Args:
            name: of the column.
            values: one a row; a formula over columns; or one array a row.

        Returns:
            A new table.

        Raises:
            BadInput: a formula that cannot be read.
            ShapeError: another number of values than rows.
        """
        made: Any
        if isinstance(values, str):
            made = np.broadcast_to(evaluate(values, self._plain), (self.count,))
        elif isinstance(values, Sequence) and any(isinstance(one, np.ndarray) for one in values):
            made = tuple(values)
        else:
            made = np.asarray(values)
        if isinstance(made, np.ndarray) and made.dtype.kind not in "OUS":
            made = made.astype(np.float64)
        elif isinstance(made, np.ndarray):
            made = made.astype(object)
        return replace(self, columns={**self.columns, name: made})

    def noted(self, *sentences: str) -> "Table":
        """The same table with more notes.

        Args:
            sentences: to add.

        Returns:
            A new table.
        """
        return replace(self, notes=(*self.notes, *sentences))


def _at(values: Kept, places: Int[np.ndarray, "K"] | Bool[np.ndarray, "R"]) -> Any:
    return tuple(values[k] for k in places) if isinstance(values, tuple) else values[places]
