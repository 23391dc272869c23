"""From files to columns under our names: sources, names, units, derived columns, checks."""

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from likely.core.errors import BadInput, did_you_mean
from likely.forecast import _row_checks, _synonyms
from likely.forecast._expressions import evaluate
from likely.forecast._formula_words import unknown
from likely.forecast._numbers import is_missing, numbers, places
from likely.forecast._run_folders import is_run, read_runs
from likely.forecast._table_files import SUFFIXES, Raw, joined, read_file
from likely.forecast._wandb import arranged

_USUAL = ("params", "tokens", "loss")
_TEXT = ("run", "schedule")


@dataclass
class Named:
    """Columns under our names beside those of the file.

    Args:
        columns: name → `[R]`.
        rows: where each stands.
        notes: what was done.
        candidates: our names that could be several columns.
        sources: our name → what it was made from.
        formulas: our names that somebody wrote a formula for.
        derived: our names that were made from others.
        runs: whether these are run folders of ours.
        bad: rows that could not be read: reason → places.
    """

    columns: dict[str, Any]
    rows: tuple[str, ...]
    notes: list[str]
    candidates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    formulas: set[str] = field(default_factory=set)
    derived: set[str] = field(default_factory=set)
    runs: bool = False
    bad: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Reading:
    """What is to be read, and how.

    Args:
        path: one or several.
        maps: our name → column or formula.
        needs: what must be there; None for what is usual.
        loss_unit: nats or bits.
        tokens_per_step: makes tokens.
    """

    path: Any
    maps: dict[str, str]
    needs: Sequence[str] | None
    loss_unit: str
    tokens_per_step: float | None
    needed: tuple[str, ...] = ()

    def read(self) -> Named:
        """Everything but the choice of rows."""
        raw, runs = sources(self.path)
        named = Named(dict(raw.columns), raw.rows, raw.notes, runs=runs, bad=raw.bad)
        self._map(named, raw)
        _find(named, raw)
        usual = [name for name in _USUAL if name in named.sources]
        self.needed = tuple(dict.fromkeys(self.needs if self.needs is not None else usual))
        self._convert(named)
        _derive(named)
        ours = [name for name in (*self.maps, *_synonyms.OURS) if name in named.columns]
        named.columns = {name: named.columns[name] for name in dict.fromkeys([*ours, *named.columns])}
        return named

    def _map(self, named: Named, raw: Raw) -> None:
        for ours, formula in self.maps.items():
            plain = formula[1:-1] if formula[:1] == formula[-1:] == "`" else formula
            if plain in named.columns:
                values = named.columns[plain]
            else:
                values = np.broadcast_to(evaluate(formula, named.columns), (len(raw.rows),))
                named.formulas.add(ours)
            if values.dtype.kind not in "OUS":
                values = values.astype(np.float64)
            named.columns[ours] = _as_number(ours, values.astype(object)
                                             if values.dtype.kind in "US" else values, named)
            named.sources[ours] = plain
            named.notes.append(f"{ours} = {formula}, as you said.")

    def _convert(self, named: Named) -> None:
        """Units; where a whole column must be in another one, that is told before it is used."""
        for name in ("params", "params_no_embed", "tokens", "flops", "loss"):
            if name not in named.sources:
                continue
            try:
                said = _row_checks.check_scale(
                    name,
                    numbers(named.columns[name]),
                    named.sources[name],
                    sure=name in named.formulas,
                )
            except BadInput as problem:
                if name in self.needed:
                    raise
                said = str(problem)
            named.notes += [said] if said else []
        if self.loss_unit == "bits" and "loss" in named.columns:
            named.columns["loss"] = numbers(named.columns["loss"]) * np.log(2)
            named.notes.append("loss was in bits and is in nats here (× ln 2).")
        if self.tokens_per_step is not None:
            self.require(named.columns, named.candidates, ("step",))
            named.columns["tokens"] = numbers(named.columns["step"]) * self.tokens_per_step
            named.candidates.pop("tokens", None)
            named.notes.append(f"tokens = {self.tokens_per_step:g} · step.")

    def require(
        self,
        columns: Mapping[str, Any],
        candidates: Mapping[str, Sequence[str]],
        names: Sequence[str] | None = None,
    ) -> None:
        """Raise where a needed column is not there.

        Args:
            columns: what there is.
            candidates: what could be it.
            names: needed; None for all.
        """
        for name in self.needed if names is None else names:
            if name in columns:
                continue
            if name in candidates:
                raise ambiguous(name, candidates[name])
            hint = _synonyms.hints(name, columns) or did_you_mean(name, columns)
            hint = hint or f" Say which column it is: --map {name}=COLUMN."
            shown = places(list(columns), 12)
            raise BadInput(f"The table has no column {name!r}.{hint} There are: {shown}.")


def ambiguous(name: str, found: Sequence[str]) -> BadInput:
    """The error where several columns could be one of ours.

    Args:
        name: ours.
        found: of the file.

    Returns:
        The error.
    """
    example = f'--map "{name}={found[0]}"'
    return BadInput(
        f"{len(found)} columns could be {name}: {places([repr(one) for one in found], 6)}. Say which "
        f'with {example} (in Python, columns={{"{name}": "{found[0]}"}}).'
    )


def sources(path: Any) -> tuple[Raw, bool]:
    """All files or run folders that a path, a pattern or several of them name.

    Args:
        path: one or several.

    Returns:
        Their rows, and whether they are runs of ours.

    Raises:
        BadInput: there is nothing of the kind.
    """
    given = [path] if isinstance(path, str | Path) else list(path)
    if not given:
        raise BadInput("No table was named: give a file, a run folder or a pattern.")
    found = [one for each in given for one in _matches(Path(each))]
    folders = [one for one in found if one.is_dir()]
    if folders and len(folders) < len(found):
        raise BadInput(
            f"{folders[0]} is a run and {next(f for f in found if f.is_file())} a file: give "
            "either runs or files."
        )
    if folders:
        return read_runs(folders), True
    return joined([(one.name, arranged(read_file(one))) for one in found]), False


def _matches(path: Path) -> list[Path]:
    if path.is_file() or is_run(path):
        return [path]
    if path.is_dir():
        inside = sorted(one.parent for one in path.glob("*/recipe.toml"))
        files = sorted(one for one in path.iterdir() if one.suffix in SUFFIXES)
        if inside or files:
            return inside or files
        raise BadInput(
            f"{path} holds neither runs of `likely train` (folders with recipe.toml) nor tables "
            f"({', '.join(SUFFIXES)})."
        )
    matches = [Path(one) for one in sorted(glob.glob(str(path)))]
    good = [one for one in matches if one.is_file() or is_run(one)]
    if good:
        return good
    beside = path.parent if path.parent.is_dir() else None
    near = did_you_mean(path.name, [one.name for one in beside.iterdir()]) if beside else ""
    raise BadInput(f"{path}: there is no such file or run folder.{near}")


def _as_number(name: str, values: Any, named: Named) -> Any:
    """A column of ours as numbers where it holds any, saying so where they were texts."""
    if name in _TEXT or values.dtype == np.float64:
        return values
    found = numbers(values)
    there = [k for k, value in enumerate(values) if not is_missing(value)]
    read = [k for k in there if np.isfinite(found[k])]
    if not read or (len(read) * 2 <= len(there) and name not in _synonyms.OURS):
        return values
    named.notes.append(f"{name} was text such as {values[read[0]]!r} = {found[read[0]]:g}.")
    # What is no number keeps its text, so that its line can be told.
    if len(read) < len(there):
        mixed = values.astype(object)
        mixed[read] = found[read]
        return mixed
    return found


def _find(named: Named, raw: Raw) -> None:
    """Our columns by the names that they usually have."""
    said = []
    for ours, found in _synonyms.candidates(raw.columns).items():
        if ours in named.sources:
            continue
        if len(found) > 1:
            named.candidates[ours] = tuple(one.name for one in found)
            continue
        name, scale = found[0].name, found[0].scale
        values = _as_number(ours, raw.columns[name], named)
        named.columns[ours] = numbers(values) * scale if scale != 1 else values
        named.sources[ours] = name
        if scale != 1:
            named.formulas.add(ours)
        if name != ours:
            said.append(f"{ours} = {name!r}" + (f" × {scale:g}" if scale != 1 else ""))
    if said:
        named.notes.append(f"By their names: {', '.join(said)}.")


def _derive(named: Named) -> None:
    """The third of flops = 6·params·tokens."""
    formulas = {
        "flops": (("params", "tokens"), "6·params·tokens", lambda n, d: 6 * n * d),
        "tokens": (("flops", "params"), "flops/(6·params)", lambda c, n: c / (6 * n)),
        "params": (("flops", "tokens"), "flops/(6·tokens)", lambda c, d: c / (6 * d)),
    }
    for name, (of, text, make) in formulas.items():
        there = all(one in named.columns and one not in named.derived for one in of)
        blocked = name in named.candidates or "params_no_embed" in named.columns
        if name in named.columns or not there or (name != "flops" and blocked):
            continue
        with np.errstate(all="ignore"):
            named.columns[name] = make(*(numbers(named.columns[one]) for one in of))
        named.derived.add(name)
        named.candidates.pop(name, None)
        named.notes.append(f"{name} = {text}, since the table has none.")


def usable(
    columns: Mapping[str, Any],
    rows: Sequence[str],
    needed: Sequence[str],
    read: Named,
    on_error: str,
) -> tuple[np.ndarray, list[str]]:
    """Which rows can be used, and sentences on those that cannot.

    Args:
        columns: name → `[R]`.
        rows: where each stands.
        needed: what must hold usable values.
        read: what was read.
        on_error: `raise` or `skip`.

    Returns:
        One truth value a row, and sentences.

    Raises:
        BadInput: none can, or one cannot and `raise` was said.
    """
    names = [name for name in needed if not isinstance(columns[name], tuple)]
    good, notes = np.ones(len(rows), np.bool_), []
    if read.runs and "loss" in names:
        good = ~np.isnan(numbers(columns["loss"]))
        if not good.all():
            notes.append(
                f"{np.sum(~good):,} logged steps without a loss of validation text were left out "
                '(--map "loss=train_loss" takes the training loss).'
            )
    kept = np.flatnonzero(good)
    text = [name for name in names if name in _TEXT]
    wrong, reasons = _row_checks.unusable(
        {name: columns[name][kept] for name in names}, names, [rows[k] for k in kept], text
    )
    reasons = read.bad | reasons
    if reasons and on_error == "raise":
        reason, where = next(iter(reasons.items()))
        raise BadInput(f"{where[0]}: {reason}. Mend it, or leave such rows out (on_error='skip').")
    notes += _row_checks.told(reasons)
    good[kept[wrong]] = False
    if not good.any():
        raise BadInput("No row of the table can be used. " + " ".join(notes))
    return good, notes


def remarks(
    columns: Mapping[str, Any], rows: Sequence[str], needed: Sequence[str], read: Named
) -> list[str]:
    """Sentences on repeated rows, compute and intermediate checkpoints.

    Args:
        columns: name → `[R]`.
        rows: where each stands.
        needed: what a law reads.
        read: what was read.

    Returns:
        Sentences.
    """
    plain = {name: values for name, values in columns.items() if isinstance(values, np.ndarray)}
    texts = [name for name, values in plain.items() if values.dtype == object]
    same = [name for name in (*_synonyms.OURS, *needed) if name in plain and name != "loss"]
    notes = _row_checks.repeated(plain, rows, list(dict.fromkeys([*texts, *same])))
    if {"flops", "tokens"} <= plain.keys() and not {"flops", "tokens", "params"} & read.derived:
        numeric = {name: numbers(plain[name]) for name in plain if name in _synonyms.OURS
                   and name != "run"}
        notes += _row_checks.compare_compute(numeric)
    if "run" in plain and "step" in plain and "schedule" not in needed:
        runs = len(np.unique(plain["run"].astype(str)))
        if runs * 2 < len(rows):
            notes.append(
                f"{len(rows):,} rows belong to {runs:,} runs, and each counts as one here; "
                "--checkpoints final keeps the last row of each."
            )
    return notes
