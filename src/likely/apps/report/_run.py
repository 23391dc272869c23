"""`render_run`: the page of one training run."""

from collections.abc import Mapping, Sequence
from typing import Any

from likely.apps.report._chart import chart, key
from likely.apps.report._foreseen import foreseen
from likely.apps.report._labels import Line
from likely.apps.report._numbers import short_count, short_time
from likely.apps.report._template import page
from likely.apps.report._text import passages_of

Rows = Sequence[Mapping[str, Any]]


def render_run(
    name: str,
    facts: Mapping[str, Any],
    training: Rows,
    evaluations: Rows,
    samples: Sequence[str],
    coloured: Rows,
    forecasts: Rows = (),
) -> str:
    """Write the page of a run.

    Args:
        name: what the run is called.
        facts: `headline`, `sentences`, `recipe` and `environment` as names and values, `sampler`.
        training: logged steps: step, tokens, seconds, lr, loss, gradient_norm.
        evaluations: on validation text: step, tokens, seconds, nats_per_token, bits_per_byte …
        samples: texts that the model wrote.
        coloured: passages as `likely.apps._excerpts.passage` returns them.
        forecasts: of the final loss: step, forecast, forecast_low, forecast_high, forecast_of.

    Returns:
        HTML that needs nothing but itself.
    """
    passages, readings = passages_of(coloured, {"first": name})
    return page(
        "run",
        readings,
        name=name,
        **facts,
        pictures=_pictures(training, evaluations, forecasts),
        evaluations=evaluations,
        samples=samples,
        coloured=passages,
    )


def _pictures(training: Rows, evaluations: Rows, forecasts: Rows) -> list[dict[str, Any]]:
    """Loss with validation, bits per byte, forecasts, learning rate, gradient norm."""
    found = [
        _picture(
            "Loss in nats per token, of training and validation text",
            [
                _line("first", "training", training, "loss", "nats"),
                _line("second", "validation", evaluations, "nats_per_token", "nats"),
            ],
            "nats per token",
        ),
        _picture(
            "Bits per byte of validation text",
            [_line("second", "validation", evaluations, "bits_per_byte", "bits per byte")],
            "bits per byte",
        ),
        foreseen(forecasts, evaluations),
        _picture(
            "Learning rate",
            [_line("none", "learning rate", training, "lr", "")],
            "learning rate",
            from_zero=True,
        ),
        _picture(
            "Norm of the gradient before it is clipped",
            [_line("none", "norm", training, "gradient_norm", "")],
            "norm",
            from_zero=True,
        ),
    ]
    return [picture for picture in found if picture]


def _line(color: str, label: str, rows: Rows, column: str, unit: str) -> Line:
    inside = [row for row in rows if row.get(column) is not None]
    return Line(
        color,
        label,
        [(int(row["step"]), float(row[column])) for row in inside],
        [
            f"step {row['step']:,}: {row[column]:.4g} {unit}".rstrip() + f"\n{label}, "
            f"{short_count(row['tokens'])} tokens, {short_time(row['seconds'])}"
            for row in inside
        ],
        fine=len(inside) > 24,
    )


def _picture(
    title: str, lines: Sequence[Line], y_label: str, *, from_zero: bool = False
) -> dict[str, Any] | None:
    """A chart over steps; None where there is no line to draw."""
    drawn = [line for line in lines if line.points]
    if max((len(line.points) for line in drawn), default=0) < 2:
        return None
    highest = max(y for line in drawn for _, y in line.points)
    picture = chart(
        title,
        drawn,
        x_label="steps",
        y_label=y_label,
        x_text=short_count,
        y_text=_short,
        y_range=(0.0, highest or 1.0) if from_zero else None,
    )
    return {"title": title, "svg": picture, "key": key(drawn) if len(drawn) > 1 else ""}


def _short(value: float | int) -> str:
    """A number of few letters: 2e-05 where it is small."""
    return f"{value:g}" if value == 0 or abs(value) >= 1e-4 else f"{value:.1e}".replace(".0e", "e")
