"""From files to columns under our names: units, what is needed, and which rows can be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from likely.core.errors import BadInput, did_you_mean
from likely.forecast import _row_checks, _synonyms
from likely.forecast._naming import TEXT, Named, derive, find_columns, map_columns, mend_compute
from likely.forecast._numbers import numbers, places
from likely.forecast._sources import sources

_USUAL = ("params", "tokens", "loss")


@dataclass
class Reading:
    """What is to be read, and how.

    Args:
        path: one or several.
        maps: our name → column or formula.
        needs: what must be there; None for what is usual.
        loss_unit: nats or bits.
        tokens_per_step: makes tokens.
        needed: what must be there, once it was read.
    """

    path: Any
    maps: dict[str, str]
    needs: Sequence[str] | None
    loss_unit: str
    tokens_per_step: int | None
    needed: tuple[str, ...] = ()

    def read(self) -> Named:
        """Everything but the choice of rows."""
        raw, runs = sources(self.path)
        named = Named(dict(raw.columns), raw.rows, raw.notes, runs=runs, bad=raw.bad)
        if not raw.columns or not (raw.rows or raw.bad):
            raise BadInput(f"{self.path} has no rows below its header.")
        map_columns(named, self.maps)
        find_columns(named, raw.columns)
        usual = [name for name in _USUAL if name in named.sources]
        self.needed = tuple(dict.fromkeys(self.needs if self.needs is not None else usual))
        self._convert(named)
        mend_compute(named, self.needed)
        derive(named, self.needed)
        ours = [name for name in (*self.maps, *_synonyms.OURS) if name in named.columns]
        order = dict.fromkeys([*ours, *named.columns])
        named.columns = {name: named.columns[name] for name in order}
        return named

    def _convert(self, named: Named) -> None:
        """Units; where a whole column must be in another one, that is told before it is used."""
        for name in ("params", "params_no_embed", "tokens", "flops", "loss"):
            if name not in named.sources or named.runs:
                continue  # Our own runs count as they say.
            values, source = numbers(named.columns[name]), named.sources[name]
            said = _row_checks.scale_problem(name, values, source)
            if not said or name in named.formulas:
                continue
            if name in self.needed and said.must_change:
                raise BadInput(said.sentence)
            named.notes.append(said.sentence)
            named.odd.add(name)
        if self.loss_unit == "bits" and "loss" in named.columns:
            named.columns["loss"] = numbers(named.columns["loss"]) * np.log(2)
            named.notes.append("loss was in bits and is in nats here (× ln 2).")
        if self.tokens_per_step is not None:
            self.require(named.columns, named.candidates, ("step",))
            named.columns["tokens"] = numbers(named.columns["step"]) * self.tokens_per_step
            named.sources["tokens"] = "step"
            named.candidates.pop("tokens", None)
            named.notes.append(f"tokens = {self.tokens_per_step:,} · step, as you said.")

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
    first = found[0]
    return BadInput(
        f"{len(found)} columns could be {name}: {places([repr(one) for one in found], 6)}. Say "
        f'which: --map "{name}={first}" (in Python, columns={{"{name}": "{first}"}}).'
    )


def usable(
    columns: Mapping[str, Any],
    rows: Sequence[str],
    needed: Sequence[str],
    read: Named,
    on_error: str,
) -> tuple[Bool[np.ndarray, "R"], list[str]]:
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
    text = [name for name in names if name in TEXT]
    wrong, reasons = _row_checks.unusable(
        {name: columns[name][kept] for name in names}, names, [rows[k] for k in kept.tolist()], text
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


def as_numbers(
    columns: Mapping[str, Any], needed: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """Our columns as float64, now that rows with text in them are gone.

    Args:
        columns: name → `[R]`.
        needed: what a law reads.

    Returns:
        All columns, and sentences on what is no number and not needed.
    """
    made, notes = dict(columns), []
    for name in dict.fromkeys([*_synonyms.OURS, *needed]):
        held = made.get(name)
        if name in TEXT or not isinstance(held, np.ndarray) or held.dtype == np.float64:
            continue
        found = numbers(held)
        lost = [k for k in np.flatnonzero(np.isnan(found)) if str(held[k]).strip()]
        if len(lost) == len(held):
            continue
        made[name] = found
        if lost:
            notes.append(f"{name} is missing where it holds text (rows: {len(lost):,}).")
    return made, notes
