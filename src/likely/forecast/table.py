"""Tables of runs: named columns, where each row came from, and what was done on reading."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Int, Shaped
from numpy.typing import ArrayLike

from likely.core.errors import BadInput, BadSetting, ShapeError
from likely.core.settings import checked
from likely.forecast import _reading
from likely.forecast._expressions import chosen, evaluate
from likely.forecast._formula_words import unknown

__all__ = ["Table", "parse_map", "read_table"]

Kept = Shaped[np.ndarray, "R"] | tuple[np.ndarray, ...]
"""A column: numbers or texts; or one array a row, as `schedule` has them."""


@dataclass(frozen=True, eq=False)
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
        places = np.flatnonzero(asked) if asked.dtype == np.bool_ else asked.astype(np.int64)
        columns = {name: _at(values, places) for name, values in self.columns.items()}
        return replace(self, columns=columns, rows=tuple(self.rows[k] for k in places))

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
        kept = self.take(chosen(condition, self.columns, self.count))
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
            made = np.broadcast_to(evaluate(values, self.columns), (self.count,))
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


def parse_map(texts: Sequence[str]) -> dict[str, str]:
    """What `--map` was given, by the name of the column.

    Args:
        texts: each `NAME=COLUMN` or `NAME=FORMULA`.

    Returns:
        Name → column or formula.

    Raises:
        BadSetting: one of another form, or two for one name.

    Example:
        >>> parse_map(["params=N", "loss=log(ppl)"])
        {'params': 'N', 'loss': 'log(ppl)'}
    """
    found: dict[str, str] = {}
    problems = []
    for text in texts:
        name, sign, formula = (part.strip() for part in text.partition("="))
        if not (name and sign and formula):
            problems.append(f"{text!r} should be NAME=COLUMN or NAME=FORMULA, such as params=N.")
        elif name in found:
            problems.append(f"{name} is given twice: {found[name]!r} and {formula!r}.")
        found[name] = formula
    if problems:
        raise BadSetting("--map", problems)
    return found


def read_table(
    path: str | Path | Sequence[str | Path],
    *,
    columns: Mapping[str, str] | None = None,
    where: str | None = None,
    needs: Sequence[str] | None = None,
    loss_unit: Literal["nats", "bits"] = "nats",
    tokens_per_step: float | None = None,
    checkpoints: Literal["auto", "all", "final"] = "auto",
    average: int = 1,
    by: Sequence[str] = (),
    warmup: int | None = None,
    on_error: Literal["skip", "raise"] = "skip",
) -> Table:
    """Read a table of runs, say what was done to it, and leave out no row in silence.

    Columns `params`, `params_no_embed`, `tokens`, `flops`, `loss`, `step`, `lr`, `batch` and `run`
    are found under the names that they usually have; the file's columns stay beside them under
    their own. Of flops = 6·params·tokens the third is made from two.

    Args:
        path: CSV or TSV (`,`, `;` or tab), JSONL, JSON, Parquet; an export of Weights & Biases in
            one of them; a run folder of `likely train` or a folder of such; a pattern; several.
        columns: name → column of the file, or a formula: `{"tokens": "bs * 2048 * ti"}`.
        where: which rows, as `Table.where` reads it.
        needs: columns that must be there, without which a row is of no use; left out, whatever of
            params, tokens and loss is found.
        loss_unit: what the loss is in; in the table it is in nats.
        tokens_per_step: makes tokens from steps.
        checkpoints: `final` keeps the last rows of each run. `auto` keeps all of a file, and of
            run folders the last, unless `schedule` is needed.
        average: last rows of a run that are averaged, where the last are kept.
        by: columns that tell runs apart; left out, `run`, or else all texts.
        warmup: steps in which the learning rate rose from 0, for `schedule`.
        on_error: `skip` leaves out rows that cannot be used and lists them in the notes; `raise`
            stops at the first.

    Returns:
        The table.

    Raises:
        BadInput: nothing to read, a column that is not there or could be several, values in
            another unit than they should have, no row of use.
        BadSetting: settings that are none.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder) / "runs.csv"
        ...     size = file.write_text("N,D,val_loss\\n125m,2.5B,3.4\\n1.3B,26B,nan\\n")
        ...     table = read_table(file)
        >>> table["params"].tolist(), table["tokens"].tolist(), table.rows
        ([125000000.0], [2500000000.0], ('runs.csv, line 2',))
        >>> print(table.notes[-1])
        1 row left out, loss is missing: runs.csv, line 3.
    """
    checked(read_table, locals())
    given = _reading.Reading(path, dict(columns or {}), needs, loss_unit, tokens_per_step)
    read = given.read()
    table = Table(read.columns, read.rows, tuple(read.notes), read.candidates)
    from likely.forecast import checkpoints as of_runs  # These are made of tables themselves.
    from likely.forecast.logged import with_schedules


    needed = given.needed
    if "schedule" in needed:
        table = with_schedules(table, by=by, warmup=warmup)
    if where:
        table = table.where(where)
    given.require(table.columns, table.candidates)
    good, notes = _reading.usable(table.columns, table.rows, needed, read, on_error)
    table = table.take(good).noted(*notes)
    last = checkpoints == "final" or (checkpoints == "auto" and read.runs)
    if last and not (checkpoints == "auto" and "schedule" in needed):
        table = of_runs.last_checkpoints(table, by=by, count=average)
    elif average > 1:
        raise BadSetting("read_table", [f"average={average} needs checkpoints='final'."])
    notes = _reading.remarks(table.columns, table.rows, needed, read)
    if not table.count:
        raise BadInput(f"{path} has no row.")
    return table.noted(*notes)
