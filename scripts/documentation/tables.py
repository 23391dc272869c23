"""Tables inside pages that are written by hand: measured figures, entries, decisions.

A page says where: `<!-- table: NAME -->` and `<!-- end of table -->`.
"""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from likely.core.catalogue import catalogue
from scripts.documentation import forecasts, gpu, gradients, objectives, scan
from scripts.documentation.docstring import parse
from scripts.documentation.source import ROOT, SOURCE, Symbol, parameters, symbols

DOCS = ROOT / "docs"
RESULTS = ROOT / "benchmarks" / "results"
MARKED = re.compile(r"(<!-- table: ([a-z_]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def filled(text: str, page: str) -> str:
    """A page with its tables as they should be.

    Args:
        text: the page as it stands.
        page: its path below `docs`, which links in it start from.

    Returns:
        The page.

    Raises:
        SystemExit: it asks for a table that does not exist.
    """
    up = "../" * page.count("/")
    return MARKED.sub(lambda found: f"{found[1]}\n{_table(found[2], up)}\n\n{found[3]}", text)


def _table(name: str, up: str) -> str:
    if name not in TABLES:
        raise SystemExit(f"No table is called {name!r}. Known: {', '.join(TABLES)}.")
    return TABLES[name]().replace("](/", f"]({up}")


def _rows(header: list[str], rows: list[list[str]]) -> str:
    rule = "|" + "---|" * len(header)
    return "\n".join([f"| {' | '.join(header)} |", rule, *(f"| {' | '.join(r)} |" for r in rows)])


def _result(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def _models() -> str:
    jobs = {mode: _result(f"quickstart-{mode}") for mode in ("fast", "default", "long")}
    kept = jobs["default"]
    rows = []
    for name, row in sorted(kept["models"].items(), key=lambda item: item[1]["bits_per_byte"]):
        low, high = row["interval"]
        bits = [f"{job['models'][name]['bits_per_byte']:.3f}" for job in jobs.values()]
        bits[1] += f" ({low:.3f}–{high:.3f})"
        rows.append([row["label"], *bits, f"{row['parameters']:,}", f"{row['seconds']:.0f} s"])
    header = ["", "fast", "default (95 % over documents)", "long", "numbers held", "fitted in"]
    total, spent = (
        kept["data"]["total"]["bytes"],
        [f"{job['seconds']:.0f} s" for job in jobs.values()],
    )
    return (
        _rows(header, rows) + "\n\nBits per byte of held-out text, lower is better; one seed. "
        f"Numbers held and seconds are those of the default job, which reads {total['train'] / 1e6:.1f} MB of "
        f"{kept['data']['name']} and is measured on {total['held_out'] / 1e6:.2f} MB of it. The "
        f"jobs take {', '.join(spent)} in all on {kept['cpus']} cores; the fast one reads and is "
        "measured on a quarter of the text, so its column compares only with itself."
    )


def _filter() -> str:
    kept = [_result(name) for name in ("filter_curve", "filter_curve_sgd")]
    every = [one["verdict"] for one in kept]
    rows = [
        ["loss of the last 50 steps, exact", *(f"{v['final_loss']:.4f} nats" for v in every)],
        ["deviation over seeds", *(f"{v['seed_deviation']:.4f}" for v in every)],
        [
            "filtered less exact, 95 % over seeds",
            *(
                f"{v['difference']:+.4f} ({v['difference_low']:+.4f} … {v['difference_high']:+.4f})"
                for v in every
            ),
        ],
        ["largest difference at any step", *(f"{v['largest_at_a_step']:.4f}" for v in every)],
        ["tiles dropped, mean over all steps", *(f"{v['dropped']:.0%}" for v in every)],
    ]
    setting = kept[0]["setting"]
    return (
        _rows(["", "AdamW, rate 0.003", "SGD, rate 0.3, momentum 0.9"], rows)
        + f"\n\n{setting['steps']} steps of {setting['tokens']} tokens, "
        f"{len(kept[0]['curves']['exact'])} seeds, V {setting['words']:,}, width "
        f"{setting['width']}, bfloat16 products, tiles of 128 × 128, in {kept[0]['device']}."
    )


def _orders() -> str:
    kept = _result("quickstart-default")
    plain, better = kept["ngram_orders"], kept["ngram_orders_kneser_ney"]
    rows = [
        [order, f"{plain[order]['bits_per_byte']:.3f}", f"{row['bits_per_byte']:.3f}",
         f"{row['parameters']:,}"]
        for order, row in better.items()
    ]  # fmt: skip
    return _rows(["order", "`dirichlet`", "`kneser_ney`", "counts held"], rows)


def _memory() -> str:
    kept = _result("quickstart-default")["memorisation"]
    rows = []
    for row in kept["objectives"].values():
        for line in row["by_repeats"]:
            rows.append(
                [f"`{row['label']}`", str(line["repeats"]), f"{line['bytes_share']:.0%}",
                 f"{line['exact']} of {line['passages']}", f"{line['bits_per_byte']:.2f}"]
            )  # fmt: skip
    header = ["objective", "times read", "bytes recited", "passages whole", "bits/byte"]
    return _rows(header, rows) + (
        f"\n\nPassages of {kept['length']} bytes, words in random order, planted in "
        f"{kept['background_bytes']:,} bytes of text; a small transformer, {kept['steps']} steps, "
        "one seed. Recited: given the first half, bytes of the rest before the first mistake."
    )


def _mixture() -> str:
    kept = _result("mixture")["jobs"]
    labels = _result("quickstart-default")["models"]
    rows = []
    for name in sorted(kept["default"]["members"], key=lambda name: _bits(kept, name)):
        row = [labels[name]["label"]]
        for job in kept.values():
            member = job["members"][name]
            behind = f"+{member['more_than_the_mixture']:.3f} ± {member['standard_error']:.3f}"
            row += [f"{member['weight']:.2f}", f"{member['bits_per_byte']:.3f}", behind]
        rows.append(row)
    mixed = [[f"**{job['bits_per_byte']:.3f}**"] for job in kept.values()]
    rows.insert(0, ["mixture", "", *mixed[0], "", "", *mixed[1], ""])
    header = [""]
    for mode in kept:
        header += [f"weight ({mode})", "bits/byte", "behind the mixture"]
    first = kept["default"]
    return _rows(header, rows) + (
        f"\n\nAll {first['bytes'] / 1e6:.2f} MB of held-out text, {first['documents']:,} documents; "
        f"weights fitted on {first['fitted_on_bytes'] / 1e3:.0f} kB of validation text. ± is one "
        "standard error over documents; one training of each member."
    )


def _bits(kept: Any, name: str) -> float:
    return float(kept["default"]["members"][name]["bits_per_byte"])


def _gradients(made: Callable[[Any], gradients.Table]) -> Callable[[], str]:
    return lambda: _rows(*made(_result("gradients")))


def _entries(room: str) -> Callable[[], str]:
    def made() -> str:
        rows = []
        folder = SOURCE.joinpath(*room.split("."))
        for name, module in catalogue(room).items():
            if not module.startswith("likely."):
                continue  # somebody's own package, which happens to be installed here
            one = next(s for s in symbols(module, folder / f"{name}.py") if s.name == name)
            page = DOCS / room / f"{name}.md"
            first = f"/{room}/{name}.md" if page.is_file() else _anchor(room, name)
            rows.append([f"[`{name}`]({first})", parse(one.text).line.rstrip("."), _settings(one)])
        return _rows(["name", "what it does", "settings"], rows)

    return made


def _anchor(room: str, name: str) -> str:
    return f"/reference/{room.split('.', maxsplit=1)[0]}.md#{name}"


def _settings(one: Symbol) -> str:
    keyword = {a.arg for a in one.node.args.kwonlyargs} if _is_function(one) else set()
    chosen = [(p, default) for p, _, default in parameters(one) if p in keyword]
    return ", ".join(f"`{p}={default}`" if default else f"`{p}`" for p, default in chosen)


def _is_function(one: Symbol) -> bool:
    return isinstance(one.node, ast.FunctionDef)


def _decisions() -> str:
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    return "\n".join(f"- [{_title(path)}](/decisions/{path.name})" for path in pages)


def _title(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


TABLES: dict[str, Callable[[], str]] = {
    "models": _models,
    "orders": _orders,
    "mixture": _mixture,
    "memory": _memory,
    "decisions": _decisions,
    "gradients": _gradients(gradients.matrix),
    "gradients_counts": _gradients(gradients.counts),
    "gradients_refused": _gradients(gradients.refused),
    "gradients_wrong": _gradients(gradients.wrong),
    "scan_times": scan.times,
    "scan_memory": scan.memory,
    "scan_statistics": scan.statistics,
    "filter_curve": _filter,
    "scan_gpu": gpu.heads_on_page,
    "scan_gpu_steps": gpu.steps_on_page,
    "objectives": objectives.on_page,
    "forecast_speed": forecasts.speed,
    "forecast_real": forecasts.real,
    "forecast_runs": forecasts.runs,
    "objectives_status": objectives.status,
    "entries_objectives": _entries("objectives"),
    "entries_decode": _entries("decode"),
    "entries_models": _entries("models"),
    "entries_tasks": _entries("data.tasks"),
    "entries_statistics": _entries("vocab.statistics"),
    "entries_metrics": _entries("audit.metrics"),
}
