"""A fit as a file: everything that predictions, plans and reports need."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from likely.core.disk import write_whole
from likely.core.errors import BadInput, LikelyError
from likely.core.settings import checked
from likely.forecast.cautions import Caution
from likely.forecast.fitted import Fit
from likely.forecast.law import law as law_of

FORMAT = 1


def as_json(fit: Fit, *, samples: bool = True) -> dict[str, Any]:
    """A fit as plain values.

    Args:
        fit: what was fitted.
        samples: whether the refits are among them; without them a file predicts no interval.

    Returns:
        `format`, `law`, `coefficients`, `standard_errors`, `intervals`, `objective`, `warnings`
        and what else a fit knows.

    Raises:
        BadSetting: `samples` is neither True nor False.
    """
    checked(as_json, locals())
    made: dict[str, Any] = {
        "format": FORMAT,
        "law": str(fit.law),
        "output": fit.law.output,
        "coefficients": {k: float(v) for k, v in fit.coefficients.items()},
        "held": {k: float(v) for k, v in fit.held.items()},
        "standard_errors": fit.standard_errors,
        "intervals": {k: list(ends) for k, ends in fit.intervals().items()},
        "level": 0.95,
        "objective": fit.objective,
        "delta": fit.delta,
        "stretch": fit.stretch,
        "tested": fit.tested,
        "rows": fit.count,
        "runs": fit.units,
        "noise": fit.noise,
        "condition": fit.condition,
        "arrived": fit.arrived,
        "spans": {k: list(ends) for k, ends in fit.spans.items()},
        "warnings": [dict(one.as_json()) for one in fit.cautions],
        "about": dict(fit.about),
        "residuals": [float(f"{x:.6g}") for x in fit.residuals],
    }
    if samples:
        made["samples"] = [[float(f"{x:.9g}") for x in row] for row in fit.samples]
    return made


def save(fit: Fit, path: Path) -> None:
    """Write a fit; the file appears as a whole or not at all.

    Args:
        fit: what was fitted.
        path: the file, JSON.
    """
    write_whole(path, json.dumps(as_json(fit), allow_nan=False) + "\n")


def load(path: Path) -> Fit:
    """Read a fit.

    Args:
        path: a file that `save` wrote.

    Returns:
        The fit.

    Raises:
        BadInput: it is no such file, was written by a later version, or its law is not installed.
    """
    try:
        made = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as problem:
        raise BadInput(f"{path} cannot be read: {problem.strerror}.") from problem
    except ValueError as problem:
        raise BadInput(
            f"{path} is no JSON: {problem}. likely forecast fit --save writes it."
        ) from (problem)
    if not isinstance(made, Mapping) or "law" not in made or "format" not in made:
        raise BadInput(f"{path} is no fit: likely forecast fit LAW TABLE --save {path} writes one.")
    if made["format"] != FORMAT:
        raise BadInput(
            f"{path} has format {made['format']}, and this version reads {FORMAT}: fit again."
        )
    try:
        return _read(made)
    except LikelyError:
        raise
    except (KeyError, TypeError, ValueError) as problem:
        raise BadInput(f"{path} is a damaged fit ({problem!r}): fit again.") from problem


def _read(made: Mapping[str, Any]) -> Fit:
    chosen = law_of(made["law"])
    samples = np.array(made.get("samples", []), np.float64).reshape(-1, len(chosen.names))
    return Fit(
        law=chosen,
        coefficients={name: float(made["coefficients"][name]) for name in chosen.names},
        held={k: float(v) for k, v in made["held"].items()},
        objective=float(made["objective"]),
        residuals=np.array(made["residuals"], np.float64),
        samples=samples,
        spans={k: (float(a), float(b)) for k, (a, b) in made["spans"].items()},
        count=int(made["rows"]),
        units=int(made["runs"]),
        condition=float(made["condition"]),
        arrived=float(made["arrived"]),
        cautions=tuple(Caution(**one) for one in made["warnings"]),
        delta=float(made["delta"]),
        stretch=float(made["stretch"]),
        tested=bool(made["tested"]),
        about=made.get("about", {}),
    )
