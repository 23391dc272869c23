"""Curves of one arm: the trials of its tuning, and the loss of its trainings."""

import math
from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from likely.apps.report._answer import side_of
from likely.apps.report._axes import Axis
from likely.apps.report._chart import chart
from likely.apps.report._labels import Line
from likely.apps.report._numbers import plain, short_count
from likely.train._study_verdicts import figure
from likely.train.comparison import ArmResult, Comparison
from likely.train.seen import Seen


def tuning_curve(found: Comparison, arm: ArmResult, key: str) -> Markup | None:
    """The measure that decides against the learning rate that was tried.

    Args:
        found: the comparison.
        arm: one of its arms.
        key: names its colour.

    Returns:
        An `svg` element; None where fewer than two rates ended.
    """
    tried = sorted((one for one in arm.tried if one.mean is not None), key=lambda one: one.rate)
    if len({one.rate for one in tried}) < 2:
        return None
    highest = arm.chosen["learning rate"]
    sign = -1.0 if side_of(found) == "higher" else 1.0
    best = min(tried, key=lambda one: sign * (one.mean or 0.0))
    unit = highest / best.rate
    places = [math.log2(one.rate * unit) for one in tried]
    said = [
        f"{one.rate * unit:.3g}: {figure(one.mean or 0.0)} {found.primary}"
        + "".join(f"\n{knob} {plain(value)}" for knob, value in one.knobs.items())
        for one in tried
    ]
    heights = [one.mean or 0.0 for one in tried]
    line = Line(key, arm.name, list(zip(places, heights, strict=True)), said)
    marked = Line(
        f"{key} chosen",
        "chosen",
        [(math.log2(highest), float(best.mean or 0.0))],
        [f"chosen: {plain(highest)}"],
    )
    room = 0.06 * (places[-1] - places[0])
    across = Axis(places[0] - room, places[-1] + room, _spread(places))
    return chart(
        f"{arm.name}: {found.primary} of tuning {found.things} against the learning rate",
        [line, marked],
        x_label="learning rate",
        y_label=found.primary,
        x_text=lambda x: f"{2**x:.2g}",
        x_axis=across,
    )


def _spread(places: Sequence[float]) -> tuple[float, ...]:
    """At most five of the places, the ends among them."""
    different = sorted(set(places))
    step = max(1, math.ceil((len(different) - 1) / 4))
    return tuple(dict.fromkeys([*different[::step], different[-1]]))


def loss_curves(arm: ArmResult, key: str, seen: Sequence[Seen]) -> Markup | None:
    """The loss of every seed, thin, and their mean, bold.

    Args:
        arm: the arm.
        key: names its colour.
        seen: its trainings.

    Returns:
        An `svg` element; None where nothing was kept.
    """
    thin = [
        Line(
            f"{key} thin",
            f"seed {one.seed}",
            [(s, y) for s, y in zip(one.steps, one.loss, strict=True) if y is not None],
            [f"seed {one.seed}"] * sum(y is not None for y in one.loss),
            fine=True,
        )
        for one in seen
    ]
    if not thin or max(len(line.points) for line in thin) < 2:
        return None
    by_step: dict[float, list[float]] = {}
    for line in thin:
        for step, loss in line.points:
            by_step.setdefault(step, []).append(loss)
    whole = {step: values for step, values in by_step.items() if len(values) == len(thin)}
    points = [(step, sum(values) / len(values)) for step, values in sorted(whole.items())]
    said = [f"step {step:,.0f}: {loss:.4g}\nmean of {len(thin)} seeds" for step, loss in points]
    bold = replace(Line(f"{key} bold", "mean", points, said), fine=True)
    return chart(
        f"{arm.name}: training loss, the objective's own",
        [*thin, bold],
        x_label="steps",
        y_label="loss of the objective",
        x_text=short_count,
    )
