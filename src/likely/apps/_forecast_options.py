"""What every command of `likely forecast` understands: tables, and numbers with suffixes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from likely.core.errors import BadSetting

if TYPE_CHECKING:
    from likely.forecast.law import Law
    from likely.forecast.table import Table

SEVERAL = Parameter(consume_multiple=True, negative=(), show_default=False)
FLAG = Parameter(negative=())


@Parameter(name="*")
@dataclass(frozen=True)
class TableOptions:
    """How a table of runs is read.

    Args:
        map: columns under other names, or made by formulas: params=N "tokens=bs*2048*ti".
        where: which rows: "params < 1e9 and hparams == 'base'".
        loss_unit: what the loss is in; everything is fitted in nats.
        tokens_per_step: makes tokens from steps.
        checkpoints: final keeps the last rows of each run; auto keeps all of a file, and the last
            of run folders.
        average: last rows of a run that are averaged, with --checkpoints final.
        by: columns that tell runs apart, joined by commas; left out, `run`, or else all texts.
            Rows of one run are drawn together.
        warmup: steps in which the learning rate rose from 0, for laws of schedules.
        sweep: columns of equal runs in a sweep over settings, joined by commas: of each such cell
            the settings of the lowest loss are kept, for laws of learning rate and batch size.
        within: share above the lowest loss that counts as lowest; settings are averaged over it.
        on_error: skip leaves out rows that cannot be used, and lists them; raise stops there.
    """

    map: Annotated[tuple[str, ...], SEVERAL] = ()
    where: str | None = None
    loss_unit: Literal["nats", "bits"] = "nats"
    tokens_per_step: int | None = None
    checkpoints: Literal["auto", "all", "final"] = "auto"
    average: int = 1
    by: str = ""
    warmup: int | None = None
    sweep: str = ""
    within: float = 0.0
    on_error: Literal["skip", "raise"] = "skip"

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that tell runs apart."""
        return _split(self.by)

    def read(self, paths: Sequence[str], *laws: "Law") -> "Table":
        """The table for one law, or for several at once.

        Args:
            paths: files or folders.
            laws: say which columns they need.

        Returns:
            The table.
        """
        from likely.forecast.step_law import best_of_sweep
        from likely.forecast.table import Table

        needs = [name for law in laws for name in (*law.columns, law.output)]
        if not self.sweep:
            return self._read(paths, tuple(dict.fromkeys(needs)))
        cells = _split(self.sweep)
        swept = [name for name in needs if name not in cells]
        read = self._read(paths, tuple(dict.fromkeys([*cells, *swept, "loss"])))
        best = best_of_sweep(read, cells, tune=swept, within=self.within)
        return Table(best).noted(
            *read.notes, f"The lowest losses of a sweep: {len(best['loss'])} of {read.count} rows."
        )

    def read_named(self, paths: Sequence[str], names: Sequence[str]) -> "Table":
        """A table with some columns, such as that of runs that have no result yet.

        Args:
            paths: files or folders.
            names: of the columns.

        Returns:
            The table.
        """
        return self._read(paths, tuple(names))

    def read_repeats(self, paths: Sequence[str]) -> "Table":
        """The table of runs that were repeated, with all of their checkpoints.

        Args:
            paths: files or folders.

        Returns:
            The table.
        """
        kept = "all" if self.checkpoints == "auto" else self.checkpoints
        return replace(self, checkpoints=kept)._read(paths, ("loss",))

    def _read(self, paths: Sequence[str], needs: tuple[str, ...]) -> "Table":
        from likely.forecast.read_table import parse_map, read_table

        return read_table(
            list(paths),
            columns=parse_map(self.map),
            where=self.where,
            needs=needs,
            loss_unit=self.loss_unit,
            tokens_per_step=self.tokens_per_step,
            checkpoints=self.checkpoints,
            average=self.average,
            by=self.names,
            warmup=self.warmup,
            on_error=self.on_error,
        )


def _split(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(",") if name.strip())


def assignments(option: str, given: Sequence[str]) -> dict[str, float]:
    """`params=7e9 tokens=1.4T` as numbers.

    Args:
        option: what was given them, for the message.
        given: each `NAME=NUMBER`.

    Returns:
        Name → number.

    Raises:
        BadSetting: one of another form, or a name twice.

    Example:
        >>> assignments("--set", ["params=7B", "tokens=1.4e12"])
        {'params': 7000000000.0, 'tokens': 1400000000000.0}
    """
    found: dict[str, float] = {}
    problems = []
    for text in given:
        name, sign, value = (part.strip() for part in text.partition("="))
        try:
            if not (name and sign):
                raise ValueError
            number = amount(value)
        except ValueError:
            problems.append(f"{text!r} should be NAME=NUMBER, such as params=7e9 or params=7B.")
            continue
        if name in found:
            problems.append(f"{name} is given twice.")
        found[name] = number
    if problems:
        raise BadSetting(option, problems)
    return found


def priors_of(given: Sequence[str]) -> dict[str, tuple[float, float]]:
    """`alpha=0.34,0.02` as mean and standard deviation.

    Args:
        given: each `NAME=MEAN,DEVIATION`.

    Returns:
        Name → both numbers.

    Raises:
        BadSetting: one of another form.
    """
    found = {}
    for text in given:
        name, _, pair = text.partition("=")
        try:
            mean, deviation = map(float, pair.split(","))
            if not name.strip() or not deviation > 0:
                raise ValueError
        except ValueError as problem:
            raise BadSetting(
                "--prior", [f"{text!r} should be NAME=MEAN,DEVIATION, such as alpha=0.34,0.02."]
            ) from problem
        found[name.strip()] = (mean, deviation)
    return found


def amount(text: str) -> float:
    """A number that may end in K, M, B or T.

    Args:
        text: as typed.

    Returns:
        The number.

    Raises:
        ValueError: it is none.

    Example:
        >>> amount("125M"), amount("1e21")
        (125000000.0, 1e+21)
    """
    from likely.forecast._numbers import number

    value = number(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def number_of(option: str, text: str | None) -> float | None:
    """A number behind an option, with or without suffix.

    Args:
        option: for the message.
        text: as typed, or None.

    Returns:
        The number, or None.

    Raises:
        BadSetting: it is no number above 0.
    """
    if text is None:
        return None
    try:
        value = amount(text)
        if value <= 0:
            raise ValueError
    except ValueError as problem:
        raise BadSetting(
            option, [f"{text!r} should be a number above 0, such as 1e21 or 7B."]
        ) from problem
    return value


def to_write(option: str, path: Path | None) -> None:
    """Stop before any work where a file could not be written at the end.

    Args:
        option: for the message.
        path: the file.

    Raises:
        BadSetting: its folder is not there, or it is a folder.
    """
    if path is None:
        return
    if path.is_dir():
        raise BadSetting(option, [f"{path} is a folder: name a file in it."])
    if not path.parent.is_dir():
        raise BadSetting(option, [f"{path.parent} is no folder: make it first."])


def plain(value: Any) -> Any:
    """Values of numpy as Python's own, for JSON; what is not finite becomes None.

    Args:
        value: anything made of mappings, lists and numbers.

    Returns:
        The same, plain.
    """
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and value - value != 0:
        return None
    return value
