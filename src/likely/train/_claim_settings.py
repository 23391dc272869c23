"""Settings that a claim gives to its trial, checked where they stand."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from likely.core.errors import BadSetting
from likely.core.settings import check
from likely.train.claim import Arm, Tuning

Data = Mapping[str, Any]


def wrong_settings(trial: Callable[..., Any], values: Data) -> list[str]:
    """Hold every setting that a claim gives, wherever it stands, against those of its trial.

    Args:
        trial: the entry.
        values: fields of the claim.

    Returns:
        What is wrong, each beginning with where it stands.
    """
    problems: list[str] = []
    tuning: Tuning | None = values["tuning"]
    arms: Mapping[str, Arm] = values["arms"]
    places = {"settings": values["settings"], "fast.settings": values["fast"].settings}
    places |= {f"arms.{arm.name}": arm.settings for arm in arms.values()}
    for prefix, given in places.items():
        problems += _wrong(trial, given, prefix)
    grid = tuning.grid if tuning else {}
    for name, choices in grid.items():
        said = [p for choice in choices for p in _wrong(trial, {name: choice}, "tuning.grid")]
        problems += dict.fromkeys(said)
        for prefix, given in places.items():
            if name in given and not prefix.startswith("fast"):
                problems.append(f"{prefix}.{name} is tuned: leave it out here, or in tuning.grid.")
    for arm in arms.values():
        whole = {**values["settings"], **arm.settings, **{k: v[0] for k, v in grid.items()}}
        problems += _missing(trial, whole, f"arms.{arm.name}")
    return problems


def _wrong(trial: Callable[..., Any], given: Data, prefix: str) -> list[str]:
    try:
        check(prefix, trial, given, complete=False)
    except BadSetting as problem:
        return [_placed(one, prefix) for one in problem.problems]
    return []


def _placed(said: str, prefix: str) -> str:
    """A problem with a setting that begins with where the setting stands."""
    unknown = "There is no setting '"
    if said.startswith(unknown):
        return f"{prefix}.{said.removeprefix(unknown).partition(chr(39))[0]}: {said}"
    return f"{prefix}.{said}"


def _missing(trial: Callable[..., Any], given: Data, prefix: str) -> list[str]:
    parameters = inspect.signature(trial).parameters.values()
    needed = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    return [
        f"{prefix}: the setting {name!r} of the trial must be given, here or in [settings]."
        for name in needed
        if name not in given
    ]
