"""What the final loss was expected to be along a run, as a band that closes in on what it was."""

from collections.abc import Mapping, Sequence
from typing import Any

from likely.apps.report._chart import chart
from likely.apps.report._labels import Band, Level, Line
from likely.apps.report._numbers import short_count

Rows = Sequence[Mapping[str, Any]]


def foreseen(forecasts: Rows, evaluations: Rows) -> dict[str, Any] | None:
    """The chart of a run.

    Args:
        forecasts: step, forecast, forecast_low, forecast_high, forecast_of.
        evaluations: the last one is the truth, where validation text was forecast.

    Returns:
        As `forecast_picture`.
    """
    rows = [row for row in forecasts if row.get("forecast") is not None]
    if not rows:
        return None
    of, truth = rows[-1]["forecast_of"], None
    rows = [row for row in rows if row["forecast_of"] == of]
    of_validation = of == "nats_per_token"
    if of_validation and evaluations and evaluations[-1]["step"] > rows[-1]["step"]:
        truth = float(evaluations[-1]["nats_per_token"])
    whose = "Loss on validation text" if of_validation else "Loss of training"
    title = f"{whose} at the end, as it was expected along the way"
    return forecast_picture(title, rows, truth=truth)


def forecast_picture(
    title: str,
    forecasts: Rows,
    *,
    truth: float | None = None,
    key: str = "first",
    y_label: str = "nats per token",
) -> dict[str, Any] | None:
    """A chart of forecasts over the steps that they were made at.

    Args:
        title: above it.
        forecasts: step, forecast, forecast_low, forecast_high.
        truth: what it was in the end, where that is known.
        key: names the colour.
        y_label: the unit.

    Returns:
        `title`, `svg`, `key`; None for fewer than two forecasts.
    """
    names = ("forecast", "forecast_low", "forecast_high")
    spans = [(int(row["step"]), *(float(row[name]) for name in names)) for row in forecasts]
    if len(spans) < 2:
        return None
    said = [
        f"after step {step:,}: {value:.3f} {y_label}\n95 % band {low:.3f} to {high:.3f}"
        for step, value, low, high in spans
    ]
    line = Line(key, "forecast", [(step, value) for step, value, _, _ in spans], said)
    levels = [] if truth is None else [Level("none", "in the end", truth)]
    heights = [end for _, _, low, high in spans for end in (low, high)]
    heights += [level.y for level in levels]
    picture = chart(
        title,
        [line],
        levels,
        x_label="steps",
        y_label=y_label,
        x_text=short_count,
        y_range=(min(heights), max(heights)),
        band=Band(key, [(float(step), low, high) for step, _, low, high in spans]),
    )
    return {"title": title, "svg": picture, "key": ""}
