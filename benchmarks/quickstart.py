"""Time the main job, keep its numbers as JSON and write the README's table from them.

    python benchmarks/quickstart.py [--fast | --long] [--readme | --table]

Writes `benchmarks/results/quickstart-MODE.json`; `--readme` puts the table into README.md too;
`--table` only does that, from the JSON of an earlier run.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- quickstart table -->", "<!-- end of quickstart table -->"


def main() -> None:
    """Run, measure, write."""
    mode = next((m for m in ("fast", "long") if f"--{m}" in sys.argv), "default")
    result = ROOT / "benchmarks" / "results" / f"quickstart-{mode}.json"
    if "--table" in sys.argv:
        _into_readme(json.loads(result.read_text()))
        return
    out = ROOT / "quickstart" / f"benchmark-{mode}"
    command = [sys.executable, "-m", "likely", "quickstart", "--out", str(out)]
    load = os.getloadavg()[0]
    begin = time.perf_counter()
    subprocess.run([*command, *([f"--{mode}"] if mode != "default" else [])], check=True)
    seconds = time.perf_counter() - begin
    summary = json.loads((out / "summary.json").read_text())
    kept = {
        "format": 1,
        "mode": mode,
        "seconds": round(seconds, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "load_before": round(load, 2),
        "cpus": os.cpu_count(),
        **{k: v for k, v in summary.items() if k not in ("samples",)},
    }
    result.parent.mkdir(exist_ok=True)
    result.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    if "--readme" in sys.argv:
        _into_readme(kept)


def _into_readme(kept: dict) -> None:
    readme = ROOT / "README.md"
    text = readme.read_text()
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2] if END in rest else rest
    readme.write_text(f"{head}{BEGIN}\n{_table(kept)}\n{END}{tail}")


def _table(kept: dict) -> str:
    models, packed, card = kept["models"], kept["compressors"], kept["data"]
    domains = sorted(next(iter(models.values()))["per_domain"])
    names = " | ".join(domains)
    rows = [
        f"| | bits/byte | 95 % over documents | nats/token | perplexity | accuracy | {names} |",
        "|---|---|---|---|---|---|" + "---|" * len(domains),
    ]
    for row in sorted(models.values(), key=lambda r: r["bits_per_byte"]):
        low, high = row["interval"]
        by_domain = " | ".join(f"{_bits(row['per_domain'][d]):.3f}" for d in domains)
        rows.append(
            f"| {row['label']} | **{row['bits_per_byte']:.3f}** | {low:.3f}–{high:.3f} "
            f"| {row['nats_per_token']:.3f} | {row['perplexity']:.2f} | {row['accuracy']:.3f} "
            f"| {by_domain} |"
        )
    for row in sorted(packed.values(), key=lambda r: r["bits_per_byte"]):
        by_domain = " | ".join(f"{_bits(row['per_domain'][d]):.3f}" for d in domains)
        rows.append(f"| {row['label']} | {row['bits_per_byte']:.3f} | | | | | {by_domain} |")
    total = card["total"]["bytes"]
    environment = kept["environment"]
    foot = (
        f"{total['train'] / 1e6:.1f} MB read, {total['held_out'] / 1e6:.2f} MB held out of "
        f"{card['name']}; {kept['seconds']:.0f} s and {kept['peak_mib'] / 1024:.1f} GiB on "
        f"{kept['cpus']} cores, torch {environment['torch']}; one seed, and the interval is over "
        "documents, not over trainings."
    )
    said = " ".join((kept["table_sentence"], *kept["overtaking"][1:]))
    return f"\n{said}\n\n" + "\n".join(rows) + f"\n\n{foot}\n{_longer()}"


def _longer() -> str:
    """What the long job reached, where it was measured."""
    path = ROOT / "benchmarks" / "results" / "quickstart-long.json"
    if not path.is_file():
        return ""
    kept = json.loads(path.read_text())
    rows = [*kept["models"].values(), *kept["compressors"].values()]
    first, second = sorted(rows, key=lambda row: row["bits_per_byte"])[:2]
    return (
        f"\nWith `--long` ({kept['seconds'] / 60:.0f} minutes), the lowest is the "
        f"{first['label']} with **{first['bits_per_byte']:.3f}**, before "
        f"{second['label']} with {second['bits_per_byte']:.3f}.\n"
    )


def _bits(value: float | dict) -> float:
    return value["bits_per_byte"] if isinstance(value, dict) else value


if __name__ == "__main__":
    main()
