"""`render`: a summary, curves, samples and coloured text as one page."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from likely.apps.report._axes import Axis
from likely.apps.report._chart import chart, key
from likely.apps.report._foreseen import forecast_picture
from likely.apps.report._labels import Level, Line
from likely.apps.report._numbers import short_count, short_time
from likely.apps.report._template import page
from likely.apps.report._text import passages_of

Rows = Sequence[Mapping[str, Any]]


def render(
    summary: Mapping[str, Any],
    curves: Mapping[str, Rows],
    samples: Rows,
    coloured: Rows,
    foreseen: Mapping[str, Rows] | None = None,
) -> str:
    """Write the report.

    Args:
        summary: what `summary.json` holds.
        curves: evaluations of each trained model in order: `seconds`, `tokens`, `bits_per_byte`.
        samples: `prompt` and `texts`: model → continuation; `sampler` says how they were drawn.
        coloured: passages: `id`, `domain`, `models`: model → `bits_per_byte` and `pieces`, each
            its text, bits, entropy, rank, and tokens with probabilities.
        foreseen: forecasts of each trained model's final loss, in bits per byte.

    Returns:
        HTML that needs nothing but itself.
    """
    labels = {name: model["label"] for name, model in summary["models"].items()}
    passages, readings = passages_of(coloured, labels)
    return page(
        "quickstart",
        readings,
        s=summary,
        labels=labels,
        rows=_rows(summary),
        domains=[row["domain"] for row in summary["data"]["domains"]],
        learning=_learning(summary, curves, labels),
        foreseen=_foreseen(summary, foreseen or {}),
        orders=_orders(summary),
        memory=_memory(summary),
        samples=samples,
        coloured=passages,
    )


def _rows(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Models and compressors, the best first, with where their interval lies in the picture."""
    rows = [dict(row, key=name, model=True) for name, row in summary["models"].items()]
    rows += [
        dict(row, key="compressor", model=False, interval=None)
        for row in summary["compressors"].values()
    ]
    rows.sort(key=lambda row: row["bits_per_byte"])
    spans = [(row["interval"] or (row["bits_per_byte"],) * 2) for row in rows]
    least, most = min(low for low, _ in spans), max(high for _, high in spans)
    scale = 92 / ((most - least) or 1.0)
    for row, (low, high) in zip(rows, spans, strict=True):
        row["at"], row["from"], row["to"] = (
            round(4 + scale * (value - least), 2) for value in (row["bits_per_byte"], low, high)
        )
    return rows


def _learning(
    summary: Mapping[str, Any], curves: Mapping[str, Rows], labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Bits per byte against seconds and against tokens."""
    levels = [
        Level(name, row["label"], row["validation_bits_per_byte"])
        for name, row in summary["models"].items()
        if name.startswith("ngram") and "validation_bits_per_byte" in row
    ]
    pictures = []
    for column, label, text in (
        ("seconds", "seconds of training", "{:g}".format),
        ("tokens", "tokens read", short_count),
    ):
        lines = [
            Line(
                name,
                labels.get(name, name),
                [(float(row[column]), row["bits_per_byte"]) for row in rows],
                [
                    f"{labels.get(name, name)}\n{row['bits_per_byte']:.3f} bits per byte\n"
                    f"{short_time(row['seconds'])}, {short_count(row['tokens'])} tokens"
                    for row in rows
                ],
            )
            for name, rows in curves.items()
        ]
        title = f"Bits per byte of validation text against {label}"
        picture = chart(title, lines, levels, x_label=label, x_text=text)
        pictures.append({"title": title, "svg": picture, "key": key(lines)})
    return pictures


def _foreseen(summary: Mapping[str, Any], foreseen: Mapping[str, Rows]) -> list[dict[str, Any]]:
    """What each model was expected to end with, as a band along its training."""
    found = []
    for name, rows in foreseen.items():
        if half := summary["models"][name].get("half_time"):
            title = f"Where the {summary['models'][name]['label']} was expected to end"
            found.append(
                forecast_picture(title, rows, truth=half["truth"], key=name, y_label=half["unit"])
            )
    return [one for one in found if one]


def _orders(summary: Mapping[str, Any]) -> Markup:
    """The n-grams by order, and the trained models to compare with."""
    orders = summary["ngram_orders"]
    lines = [
        Line(
            key,
            smoothing,
            [(float(order), row["bits_per_byte"]) for order, row in rows.items()],
            [
                f"{order}-gram, {smoothing}\n{row['bits_per_byte']:.3f} bits per byte\n"
                f"{short_count(row['parameters'])} counts"
                for order, row in rows.items()
            ],
        )
        for key, smoothing, rows in (
            ("ngram", "Dirichlet", orders),
            ("ngram_kneser_ney", "Kneser–Ney", summary.get("ngram_orders_kneser_ney", {})),
        )
        if rows
    ]
    levels = [
        Level(name, row["label"], row["bits_per_byte"])
        for name, row in summary["models"].items()
        if not name.startswith("ngram")
    ]
    title = "Bits per byte of held-out text against the order of the n-gram"
    last = max(int(order) for order in orders)
    even = Axis(1.5, last + 0.5, tuple(range(2, last + 1, 2 if last > 8 else 1)))
    heights = [y for line in lines for _, y in line.points] + [level.y for level in levels]
    picture = chart(
        title,
        lines,
        levels,
        x_label="order: bytes in a gram",
        x_axis=even,
        y_range=(min(heights), max(heights)),
    )
    return picture + key(lines)


def _memory(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Share of the planted second halves that came back, by how often they were read."""
    keys = {"cross_entropy": "transformer", "goldfish": "goldfish"}
    lines = [
        Line(
            keys.get(name, "feed_forward"),
            row["label"],
            [(float(i), cell["bytes_share"]) for i, cell in enumerate(row["by_repeats"])],
            [
                f"{row['label']}, read {cell['repeats']} times\n"
                f"{cell['bytes_share']:.0%} of the bytes come back\n"
                f"{cell['exact']} of {cell['passages']} passages exactly"
                for cell in row["by_repeats"]
            ],
        )
        for name, row in summary["memorisation"]["objectives"].items()
    ]
    times = summary["memorisation"]["repeats"]
    picture = chart(
        "Share of the second half of planted passages that greedy decoding reproduces",
        lines,
        x_label="times a passage stood in the training text",
        y_label="share of bytes reproduced",
        x_text=lambda x: str(times[round(x)]) if x == round(x) and 0 <= x < len(times) else "",
        y_text="{:.0%}".format,
        y_range=(0.0, 1.0),
    )
    return {"svg": picture, "key": key(lines)}
