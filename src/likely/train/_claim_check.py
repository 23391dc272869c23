"""Plain data as a claim: every name, type, range and setting checked, all problems told at once."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_type_hints

from likely.core.catalogue import ROOMS, catalogue, get
from likely.core.errors import BadSetting, UnknownName, did_you_mean
from likely.core.fit import fit
from likely.core.words import called, shown, told, wanted
from likely.train._claim_settings import wrong_settings
from likely.train.claim import Arm, Claim, Decision, Fast, Tuning

Data = Mapping[str, Any]
_TABLES = ("settings", "arms", "decisions", "tuning", "fast")
_TUNING_SEEDS = 1000
"""The first seed that tuning may use; verdicts count from 0."""
_DERIVED = ("name", "content", "path")
"""Fields of a claim that no file gives."""


def build(content: Data, path: Path) -> Claim:
    """A claim from plain data.

    Args:
        content: the parsed file.
        path: the file.

    Returns:
        The claim.

    Raises:
        BadSetting: everything that is wrong with it.
    """
    problems: list[str] = []
    values = _fields(Claim, content, "", problems, _TABLES)
    values["settings"] = dict(_table(content, "settings", "", problems))
    values["arms"] = _arms(content, problems)
    values["decisions"] = tuple(
        _decision(one, f"decisions.{number}.", values["arms"], problems)
        for number, one in enumerate(_list(content, "decisions", problems), start=1)
    )
    values["tuning"] = _tuning(content, values.get("seeds"), problems)
    values["fast"] = _fast(content, problems)
    _entry(values.get("entry", ""), problems)
    trial = _trial(values.get("trial"), problems)
    if trial is not None:
        problems += wrong_settings(trial, values)
    if problems:
        raise BadSetting(str(path), problems)
    return Claim(**values, name=path.stem, content=content, path=path)


def _fields(
    kind: Any, data: Data, prefix: str, problems: list[str], tables: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Plain values of a dataclass; what is unknown, missing or wrong is told in `problems`."""
    hints = get_type_hints(kind, include_extras=True)
    allowed = [one for one in hints if one not in _DERIVED]
    for name in data:
        if name not in allowed:
            near = did_you_mean(str(name), allowed)
            problems.append(
                f"There is no field '{prefix}{name}'.{near} There are: {', '.join(allowed)}."
            )
    values = {}
    for field in fields(kind):
        name = field.name
        if name in tables or name in _DERIVED:
            continue
        if name in data:
            try:
                values[name] = fit(data[name], hints[name])
            except ValueError as problem:
                problems.append(told(f"{prefix}{name}", data[name], problem))
        elif field.default is MISSING:
            problems.append(f"{prefix}{name} must be given: {wanted(hints[name])}.")
    return values


def _table(data: Data, name: str, prefix: str, problems: list[str]) -> Data:
    found = data.get(name, {})
    if isinstance(found, Mapping):
        return found
    problems.append(f"{prefix}{name}={shown(found)} should be a table, not {called(found)}.")
    return {}


def _list(data: Data, name: str, problems: list[str]) -> list[Data]:
    found = data.get(name, [])
    if isinstance(found, list) and found and all(isinstance(one, Mapping) for one in found):
        return found
    problems.append(f"{name} must be given: write [[{name}]] once for each condition of the claim.")
    return []


def _arms(content: Data, problems: list[str]) -> dict[str, Arm]:
    table = _table(content, "arms", "", problems)
    if not table:
        problems.append("arms must be given: write [arms.NAME] once for each thing to compare.")
    arms = {}
    for name in table:
        own = dict(_table(table, name, "arms.", problems))
        about = own.pop("about", "")
        if not isinstance(about, str) or not about:
            problems.append(f"arms.{name}.about must be given: what this arm is, in words.")
        arms[name] = Arm(name, str(about), own)
    return arms


def _decision(
    data: Data, prefix: str, arms: Mapping[str, Arm], problems: list[str]
) -> Decision | None:
    before = len(problems)
    values = _fields(Decision, data, prefix, problems)
    against, other = values.get("against", ""), values.get("against_measure", "")
    if other and not against:
        values["against"] = against = values.get("arm", "")
    for field, name in (("arm", values.get("arm")), ("against", against)):
        if isinstance(name, str) and name and name not in arms:
            near = did_you_mean(name, arms)
            have = ", ".join(arms) or "none"
            problems.append(f"{prefix}{field}: no arm is called {name!r}.{near} There are: {have}.")
    if against == "" and "arm" in values:
        problems.append(f"{prefix}against must be given: another arm, or a number.")
    if other and isinstance(against, float):
        problems.append(f"{prefix}against_measure is of an arm: leave it out against a number.")
    elif against == values.get("arm") and other in ("", values.get("measure")):
        problems.append(f"{prefix}against is the same measure of the same arm: name another.")
    return Decision(**values) if len(problems) == before else None


def _tuning(content: Data, seeds: int | None, problems: list[str]) -> Tuning | None:
    if "tuning" not in content:
        return None
    table = _table(content, "tuning", "", problems)
    before = len(problems)
    values = _fields(Tuning, table, "tuning.", problems, ("grid",))
    values["grid"] = {}
    grid = _table(table, "grid", "tuning.", problems)
    if not grid:
        problems.append("tuning.grid must be given: values to try, such as grid.rate = [1e-3].")
    for name, choices in grid.items():
        if isinstance(choices, list) and choices:
            values["grid"][name] = tuple(choices)
        else:
            problems.append(f"tuning.grid.{name}={shown(choices)} should be a list of values.")
    chosen = values.get("seeds", (0,))
    if not chosen or len(set(chosen)) < len(chosen):
        problems.append("tuning.seeds should be one or more different seeds.")
    elif min(chosen) < (least := max(seeds or 0, _TUNING_SEEDS)) and "seeds" in values:
        problems.append(
            f"tuning.seeds={list(chosen)} should be at least {least}, so that a verdict never "
            "uses them."
        )
    return Tuning(**values) if len(problems) == before else None


def _fast(content: Data, problems: list[str]) -> Fast:
    table = _table(content, "fast", "", problems)
    before = len(problems)
    values = _fields(Fast, table, "fast.", problems, ("settings",))
    values["settings"] = dict(_table(table, "settings", "fast.", problems))
    return Fast(**values) if len(problems) == before else Fast({})


def _entry(entry: str, problems: list[str]) -> None:
    """Check `room.name`, or the path of a module for what is in no room."""
    if not entry:
        return
    room, _, name = entry.rpartition(".")
    module = Path(__file__).parents[1].joinpath(*entry.split("."))
    if (room in ROOMS and name in catalogue(room)) or module.with_suffix(".py").is_file():
        return
    known = [f"{one}.{name}" for one in ROOMS for name in catalogue(one)]
    problems.append(
        f"entry={entry!r} is no entry.{did_you_mean(entry, known)} Write room.name, as `likely "
        'list` shows them, or "" where the claim is about none.'
    )


def _trial(name: str | None, problems: list[str]) -> Callable[..., Any] | None:
    if name is None:
        return None
    try:
        return get("train.trials", name)
    except UnknownName as problem:
        problems.append(f"trial: {problem}")
        return None
