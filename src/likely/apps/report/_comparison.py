"""`write_comparison`: the page of a study."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from likely.apps.report._answer import headline, limits, primary, sentences, side_of
from likely.apps.report._curves import loss_curves, tuning_curve
from likely.apps.report._forest import Bargain, Row, bargains, forest
from likely.apps.report._methods import methods
from likely.apps.report._numbers import plain
from likely.apps.report._template import page
from likely.core.disk import write_whole
from likely.core.errors import UnknownName
from likely.train._study_verdicts import figure
from likely.train.comparison import ArmResult, Comparison, Verdict
from likely.train.judge import measure_of
from likely.train.seen import Seen, seen_in

COLOURS = 4
"""Arms beside the baseline that have a colour of their own; then they come again."""


def write_comparison(
    comparison: Comparison, path: str | Path, *, folder: str | Path | None = None
) -> Path:
    """Write what came of a study as one HTML page that needs nothing but itself.

    Args:
        comparison: what came of it.
        path: where to.
        folder: of the study, for loss curves and samples; None for the folder of `path`.

    Returns:
        Where it is.

    Raises:
        BadInput: curves or samples in the folder are damaged.
    """
    path = Path(path)
    seen = seen_in(Path(folder) if folder is not None else path.parent, comparison)
    write_whole(path, render_comparison(comparison, seen))
    return path


def render_comparison(found: Comparison, seen: Mapping[str, Sequence[Seen]]) -> str:
    """The page as text.

    Args:
        found: the comparison.
        seen: curves and samples, by arm.

    Returns:
        HTML.
    """
    colours = colours_of(found)
    return page(
        "comparison",
        headline=headline(found),
        sentences=sentences(found),
        found=found,
        colours=colours,
        forest=_forest(found, colours),
        bargains=_bargains(found, colours),
        verdicts=primary(found),
        measures=_measures(found),
        costs=[_cost(arm) for arm in found.arms],
        arms=[_arm(found, arm, colours, seen.get(arm.name, ())) for arm in found.arms],
        samples=_samples(found, colours, seen),
        methods=methods(found),
        limits=limits(found),
        environment={
            name: value
            for name, value in found.environment.items()
            if value not in (None, "") and name != "format"
        },
    )


def colours_of(found: Comparison) -> dict[str, str]:
    """The colour of every arm; the baseline is grey.

    Args:
        found: the comparison.

    Returns:
        Arm → class.
    """
    others = [arm.name for arm in found.arms if arm.name != found.baseline]
    return {found.baseline: "arm0"} | {
        name: f"arm{1 + number % COLOURS}" for number, name in enumerate(others)
    }


def _difference(one: Verdict) -> str:
    """A difference and its interval in words."""
    if one.mean is None:
        return one.word
    said = figure(one.mean, sign=True)
    if one.low is None or one.high is None:
        return said
    return f"{said} [{figure(one.low, sign=True)}, {figure(one.high, sign=True)}]"


def _forest(found: Comparison, colours: Mapping[str, str]) -> Any:
    rows = [
        Row(
            colours[one.arm],
            one.arm,
            _difference(one),
            one.sentence,
            one.mean,
            one.low,
            one.high,
            one.differences,
        )
        for one in primary(found)
    ]
    sides = {"lower": ("better", "worse"), "higher": ("worse", "better")}
    left, right = sides.get(side_of(found), ("lower", "higher"))
    title = f"Difference to {found.baseline} in {found.primary}"
    return forest(title, rows, left=left, right=right)


def _bargains(found: Comparison, colours: Mapping[str, str]) -> Any:
    base = found.arm(found.baseline)
    rows = primary(found)
    sign = -1.0 if side_of(found) == "lower" else 1.0
    points = [
        Bargain("arm0", base.name, base.cost.time_ratio, 0.0, 0.0, 0.0, f"{base.name}: baseline")
    ]
    for one in rows:
        if one.mean is None:
            continue
        ends = sorted(sign * end for end in (one.low, one.high) if end is not None)
        low, high = ends if len(ends) == 2 else (sign * one.mean, sign * one.mean)
        cost = found.arm(one.arm).cost.time_ratio
        hover = f"{one.arm}: {cost:.2f} × the step time\n{_difference(one)} {found.primary}"
        points.append(Bargain(colours[one.arm], one.arm, cost, sign * one.mean, low, high, hover))
    title = f"Gain in {found.primary} over step time"
    return bargains(title, points, y_label=f"gain in {found.primary}")


def _measures(found: Comparison) -> list[dict[str, Any]]:
    """Every measure, with the mean and the word of each arm."""
    rows = []
    for measure in found.measures:
        says, unit = _meaning(measure)
        cells = []
        for arm in found.arms:
            mean = arm.mean(measure) if measure in arm.measures else None
            verdict = None
            if arm.name != found.baseline:
                verdict = next(
                    (v for v in found.verdicts if (v.arm, v.measure) == (arm.name, measure)), None
                )
            cells.append(
                {
                    "mean": None if mean is None else figure(mean),
                    "verdict": verdict,
                    "difference": "" if verdict is None else _difference(verdict),
                }
            )
        rows.append({"name": measure, "says": says, "unit": unit, "cells": cells})
    return rows


def _meaning(measure: str) -> tuple[str, str]:
    try:
        known = measure_of(measure)[1]
    except UnknownName:  # Of a judge that is not installed here.
        return "", ""
    return known.says, "" if known.unit in known.says else known.unit


def _cost(arm: ArmResult) -> dict[str, Any]:
    return {
        "arm": arm,
        "milliseconds": 1000 * arm.cost.seconds,
        "mebibytes": arm.cost.memory / 2**20,
        "seconds": sum(arm.seconds) / len(arm.seconds) if arm.seconds else None,
    }


def _arm(
    found: Comparison, arm: ArmResult, colours: Mapping[str, str], seen: Sequence[Seen]
) -> dict[str, Any]:
    """What an arm tried, and how its trainings went."""
    key = colours[arm.name]
    return {
        "result": arm,
        "colour": key,
        "tuning": tuning_curve(found, arm, key),
        "curve": loss_curves(arm, key, seen),
        "chosen": ", ".join(f"{k} {plain(v)}" for k, v in arm.chosen.items()),
    }


def _samples(
    found: Comparison, colours: Mapping[str, str], seen: Mapping[str, Sequence[Seen]]
) -> list[dict[str, Any]]:
    """Prompts, what really followed, and what each arm's first seed wrote."""
    first = {arm: some[0].samples for arm, some in seen.items() if some and some[0].samples}
    if not first:
        return []
    asked = next(iter(first.values()))
    rows = []
    for number, one in enumerate(asked):
        texts = [
            {"arm": arm.name, "colour": colours[arm.name], "text": first[arm.name][number]["text"]}
            for arm in found.arms
            if len(first.get(arm.name, ())) > number
            and first[arm.name][number]["prompt"] == one["prompt"]
        ]
        rows.append({"prompt": one["prompt"], "real": one["real"], "texts": texts})
    return rows
