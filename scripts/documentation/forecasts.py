"""What forecasts cost and hold, from `benchmarks/results/forecast.json`: tables of the pages."""

import json
from typing import Any

from scripts.documentation.source import ROOT

RESULT = ROOT / "benchmarks" / "results" / "forecast.json"
NOT_YET = "Not measured yet: `python -m benchmarks.forecast`."


def read() -> Any:
    """What was measured; an empty table where there is none."""
    return json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}


def _table(header: list[str], rows: list[list[str]]) -> str:
    rule = "|" + "---|" * len(header)
    return "\n".join(
        [f"| {' | '.join(header)} |", rule, *(f"| {' | '.join(row)} |" for row in rows)]
    )


def _where(kept: Any) -> str:
    about = kept["about"]
    machine = about["machine"]
    return (
        f"One thread of {machine['cpus']} {machine['processor']} cores, load "
        f"{machine['load_before']}; {about['date']}."
    )


def speed() -> str:
    """Seconds of fits, ours and others'."""
    kept = read()
    if "speed" not in kept:
        return NOT_YET
    rows = []
    for name, one in kept["speed"].items():
        starts = f"{one['starts']:,} starts" if "starts" in one else ""
        arrived = f", {one['arrived']:.0%} arrived" if "arrived" in one else ""
        bar = "" if one.get("bar") is None else f"{one['bar']:g}"
        rows.append(
            [name, f"{one['processor']:.2f}", bar, f"{one['objective']:.6e}", starts + arrived]
        )
    header = ["what", "processor seconds", "bar", "objective reached", ""]
    return f"{_table(header, rows)}\n\n{_where(kept)}"


def real() -> str:
    """Roll-outs of published tables."""
    kept = read()
    if "real" not in kept:
        return NOT_YET
    rows = []
    for one in kept["real"]:
        if "failed" in one:
            rows.append([one["table"], one["law"], "", "", "", "", "", "", one["failed"]])
            continue
        clean = one["inside_without_caution"]
        other = one.get("package", {}).get("mean_error")
        rows.append(
            [
                one["table"],
                one["law"],
                "" if one["decades"] is None else f"{one['decades']:.1f}",
                f"{one['rows']} of {one['rows'] + one['learnt_from']}",
                f"{one['mean_error']:.2%}",
                f"{one['bias']:+.2%}",
                f"**{one['inside']:.0%}** ({one['inside_unstretched']:.0%})",
                "none" if clean is None else f"{clean:.0%} of {one['without_caution']}",
                "" if other is None else f"{other:.2%}",
            ]
        )
    header = ["table", "law", "decades", "rows foretold", "mean error", "bias", "inside 95 %",
              "without caution", "`chinchilla` package"]  # fmt: skip
    return f"{_table(header, rows)}\n\n{_summary(kept['real'])}"


def _summary(kept: Any) -> str:
    good = [one for one in kept if one["law"] == "chinchilla" and "failed" not in one]
    rows = sum(one["rows"] for one in good)
    inside = sum(one["inside"] * one["rows"] for one in good) / rows
    plain = sum(one["inside_unstretched"] * one["rows"] for one in good) / rows
    known = [one for one in good if one["without_caution"]]
    clean = sum(one["without_caution"] for one in known)
    held = sum(one["inside_without_caution"] * one["without_caution"] for one in known)
    return (
        f"Over all {rows} rows by `chinchilla`, {inside:.0%} lay inside the 95 % interval of a run; "
        f"without the widening by what a law missed in its own table (in brackets), {plain:.0%} "
        f"would have. Of the {clean} rows without any caution, {held / max(clean, 1):.0%} lay inside."
    )


def runs() -> str:
    """How sure a loss is, by the number of runs."""
    kept = read()
    if "runs" not in kept:
        return NOT_YET
    noises = sorted({one["noise"] for one in kept["runs"]})
    counts = sorted({one["runs"] for one in kept["runs"]})
    found = {(one["runs"], one["noise"]): one for one in kept["runs"]}
    rows = [
        [
            str(count),
            *(
                f"±{found[count, noise]['half_width']:.1%} (off by {found[count, noise]['error']:.1%})"
                for noise in noises
            ),
        ]
        for count in counts
    ]
    header = ["runs", *(f"noise {noise:.1%}" for noise in noises)]
    tables = kept["runs"][0]["tables"]
    inside = sum(one["inside"] for one in kept["runs"]) / len(kept["runs"])
    return (
        f"{_table(header, rows)}\n\nMedians over {tables} simulated tables each; the intervals held "
        f"the truth in {inside:.0%} of all."
    )
