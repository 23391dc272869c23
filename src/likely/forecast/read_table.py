"""Tables from files, exports and run folders: the front door of every forecast."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.forecast import _reading
from likely.forecast._row_remarks import remarks
from likely.forecast.checkpoints import last_checkpoints
from likely.forecast.logged import with_schedules
from likely.forecast.table import Table

__all__ = ["parse_map", "read_table"]


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
    tokens_per_step: Annotated[int, Ge(1)] | None = None,
    checkpoints: Literal["auto", "all", "final"] = "auto",
    average: Annotated[int, Ge(1)] = 1,
    by: Sequence[str] = (),
    warmup: Annotated[int, Ge(0)] | None = None,
    on_error: Literal["skip", "raise"] = "skip",
) -> Table:
    r"""Read a table of runs, say what was done to it, and leave out no row in silence.

    Columns `params`, `params_no_embed`, `tokens`, `unique_tokens`, `flops`, `loss`, `step`,
    `learning_rate`, `batch_tokens` and `run` are found under the names that they usually have; the
    file's columns stay beside them under their own. Of flops = 6·params·tokens the third is made
    from two.

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
        ...     size = file.write_text("N,D,val_loss\n125m,2.5B,3.4\n1.3B,26B,nan\n")
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
    needed = given.needed
    if "schedule" in needed:
        table = with_schedules(table, by=by, warmup=warmup)
    if where:
        table = table.where(where)
    given.require(table.columns, table.candidates)
    good, left_out = _reading.usable(table.columns, table.rows, needed, read, on_error)
    table = table.take(good)
    columns_, unread = _reading.as_numbers(table.columns, needed)
    table = replace(table, columns=columns_).noted(*left_out, *unread)
    last = checkpoints == "final" or (checkpoints == "auto" and read.runs)
    if last and not (checkpoints == "auto" and "schedule" in needed):
        table = last_checkpoints(table, by=by, count=average)
    elif average > 1:
        raise BadSetting("read_table", [f"average={average} needs checkpoints='final'."])
    return table.noted(*remarks(table.columns, table.rows, needed, read))
