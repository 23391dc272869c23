"""Tables of what the scan costs, from `benchmarks/results/scan.json`."""

import json
from typing import Any

from scripts.documentation.source import ROOT

RESULT = ROOT / "benchmarks" / "results" / "scan.json"


def _result(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8"))
    return dict(found.get(part, {}))


def _table(header: list[str], rows: list[list[str]]) -> str:
    rule = "|" + "---|" * len(header)
    return "\n".join([f"| {' | '.join(header)} |", rule, *(f"| {' | '.join(r)} |" for r in rows)])


def times() -> str:
    """Every ratio of every case."""
    rows = []
    for case, found in _result("time").items():
        for pair, value in found["ratios"].items():
            rows.append([case, pair, f"{value['wall']:.2f}", f"{value['cpu']:.2f}"])
    return _table(["dtype, N × D × V", "method / against", "wall", "processor"], rows)


def memory() -> str:
    """MiB of every method, and its share of the dense one's."""
    names = ("fused", "coupled", "dense_compiled", "dense")
    rows = []
    for case, found in _result("memory").items():
        cells = [f"{found[n]:.0f}" if n in found else "" for n in names]
        rows.append([case, *cells])
    header = ["dtype, N × D × V", "`fused_loss`", "`scan`", "dense, compiled", "dense"]
    return _table(header, rows) + "\n\nIn MiB; empty where dense 16-bit products take too long."


def statistics() -> str:
    """Cost of each statistic beside `log_prob`."""
    rows = []
    for name, found in sorted(_result("statistics").items()):
        trains = f"{found['trains']['cpu']:.2f}" if "trains" in found else "no gradient"
        rows.append([f"`{name}`", f"{found['scores']['cpu']:.2f}", trains])
    taken = _result("statistics_taken")
    said = f"{taken['rounds']} rounds on {taken['threads']} thread, {taken['note']}: read them as rough."
    return _table(["statistic", "forward", "forward and backward"], rows) + f"\n\n{said}"
