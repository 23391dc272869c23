"""Columns under our names: as somebody said, by their usual names, or made from others."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from likely.forecast import _synonyms
from likely.forecast._expressions import evaluate
from likely.forecast._numbers import is_missing, numbers, places, sizes

TEXT = ("run", "schedule")
"""Columns of ours that hold no numbers."""


@dataclass
class Named:
    """Columns under our names beside those of the file.

    Args:
        columns: name → `[R]`.
        rows: where each stands.
        notes: what was done.
        candidates: our names that could be several columns.
        sources: our name → what it was made from.
        formulas: our names for which somebody wrote a formula.
        derived: our names that were made from others.
        odd: our names whose values are strange as a whole.
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
    odd: set[str] = field(default_factory=set)
    runs: bool = False
    bad: dict[str, list[str]] = field(default_factory=dict)


def map_columns(named: Named, maps: Mapping[str, str]) -> None:
    """Columns that somebody named, or wrote a formula for; each may use the ones before it.

    Args:
        named: is changed.
        maps: our name → column or formula.
    """
    for ours, formula in maps.items():
        plain = formula[1:-1] if len(formula) > 1 and formula[0] == formula[-1] == "`" else formula
        if plain in named.columns:
            values = named.columns[plain]
        else:
            values = np.broadcast_to(evaluate(formula, named.columns), (len(named.rows),))
            values = values.astype(object if values.dtype.kind in "OUS" else np.float64)
            named.formulas.add(ours)
        named.columns[ours] = _as_number(ours, values, named)
        named.sources[ours] = plain
        named.notes.append(f"{ours} = {formula}, as you said.")


def find_columns(named: Named, file: Mapping[str, Any]) -> None:
    """Our columns by the names that they usually have.

    Args:
        named: is changed.
        file: the file's own columns.
    """
    said = []
    found, others = _synonyms.candidates(file)
    for ours, columns in found.items():
        if ours in named.sources:
            continue
        if len(columns) > 1 and not _alike([numbers(file[c.name]) * c.scale for c in columns]):
            named.candidates[ours] = tuple(one.name for one in columns)
            continue
        name, scale = columns[0].name, columns[0].scale
        if ours == "run" and name != "run" and not _tells_apart(file[name], named):
            continue
        values = _as_number(ours, file[name], named)
        named.columns[ours] = numbers(values) * scale if scale != 1 else values
        named.sources[ours] = name
        also = f" (not {places([repr(o.name) for o in others[ours]], 3)})" if others[ours] else ""
        if scale != 1:
            named.formulas.add(ours)
        if name != ours or (also and ours == "loss"):
            times = f" × {scale:g}" if scale != 1 else ""
            said.append(f"{ours} = {name!r}{times}{also if ours == 'loss' else ''}")
    if said:
        named.notes.append(f"By their names: {', '.join(said)}.")


def _alike(columns: list[Any]) -> bool:
    """Whether columns hold the same numbers, so that it is all one which is taken."""
    there = np.isfinite(columns[0]).any()
    return bool(there) and all(np.array_equal(columns[0], c, equal_nan=True) for c in columns[1:])


def _tells_apart(values: Any, named: Named) -> bool:
    """Whether a column that may name runs has each step once in every one."""
    if "step" not in named.sources:
        return True
    steps = numbers(named.columns["step"])
    pairs = {(str(value), float(step)) for value, step in zip(values, steps, strict=True)}
    return len(pairs) == len(steps)


def _as_number(name: str, values: Any, named: Named) -> Any:
    """A column of ours as numbers where it holds any, saying so where they were texts."""
    if name in TEXT or values.dtype == np.float64:
        return values
    found = numbers(values)
    there = [k for k, value in enumerate(values) if not is_missing(value)]
    read = [k for k in there if np.isfinite(found[k])]
    if not read or (len(read) * 2 <= len(there) and name not in _synonyms.OURS):
        return values
    # Plain numbers among words need no explanation, and `125m` does.
    odd = next((k for k in read if not re.fullmatch(r"[-+.\de]+", str(values[k]).casefold())), None)
    if odd is not None:
        named.notes.append(f"{name} was text such as {values[odd]!r} = {found[odd]:g}.")
    if len(read) == len(there):
        return found
    # What is no number keeps its text, so that its line can be told.
    mixed = values.astype(object)
    mixed[read] = found[read]
    return mixed


def mend_compute(named: Named, needed: tuple[str, ...]) -> None:
    """A column called flops that is not the compute of the training is not used for it.

    Logarithms, operations a token, or operations of one device would else order the runs and
    measure how far a forecast reaches.

    Args:
        named: is changed.
        needed: where flops is needed, it stays what somebody says that it is.
    """
    counts = [name for name in ("params", "tokens") if name in named.sources]
    given = "flops" in named.sources and "flops" not in named.formulas and len(counts) == 2
    if not given or "flops" in needed or named.odd & {"params", "tokens"}:
        return
    params, tokens, flops = (numbers(named.columns[k]) for k in ("params", "tokens", "flops"))
    made = 6 * params * tokens
    with np.errstate(all="ignore"):
        ratios = flops / made
    there = np.isfinite(ratios)
    ratio = float(np.median(ratios[there])) if there.any() else 1.0
    if 0.1 <= ratio <= 10:
        return
    source = named.sources["flops"]
    named.columns |= {"flops_of_file": flops, "flops": made}
    named.derived.add("flops")
    named.notes.append(
        f"flops = 6·params·tokens, since {source!r} is {ratio:.3g} times that and no compute of a "
        "training (logarithms? a token's?); it is the column flops_of_file here."
    )


def derive(named: Named, needed: tuple[str, ...]) -> None:
    """The third of flops = 6·params·tokens.

    Args:
        named: is changed.
        needed: params and tokens are made only where they are needed.
    """
    formulas: tuple[tuple[str, tuple[str, str], str, Any], ...] = (
        ("flops", ("params", "tokens"), "6·params·tokens", lambda n, d: 6 * n * d),
        ("tokens", ("flops", "params"), "flops/(6·params)", lambda c, n: c / (6 * n)),
        ("params", ("flops", "tokens"), "flops/(6·tokens)", lambda c, d: c / (6 * d)),
    )
    for name, of, text, make in formulas:
        there = all(one in named.sources and one not in named.odd for one in of)
        if name in named.columns or not there or (name != "flops" and name not in needed):
            continue
        # A better count may be there: then it is asked for.
        other = "params_no_embed" in named.columns or any(map(sizes, named.columns.values()))
        if name in named.candidates or (name == "params" and other):
            continue
        with np.errstate(all="ignore"):
            named.columns[name] = make(*(numbers(named.columns[one]) for one in of))
        named.derived.add(name)
        named.notes.append(f"{name} = {text}, since the table has none.")
