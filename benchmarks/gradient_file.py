"""The file `benchmarks/gradients.py` leaves, and what it prints."""

import json
import math
import os
import platform
import subprocess
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.gradient_rule import NOT_A_NUMBER

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "gradients.json"
PACKAGES = (
    "likely",
    "torch",
    "triton",
    "liger-kernel",
    "cut-cross-entropy",
    "trl",
    "transformers",
    "numpy",
)


def read():
    """What stands in the file; no cells where there is none."""
    return json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {"cells": {}}


def plain(row):
    """A cell as it is kept: three digits, and words for what is no number."""
    if isinstance(row, dict):
        return {k: plain(v) for k, v in row.items()}
    if isinstance(row, list):
        return [plain(v) for v in row]
    if isinstance(row, float):
        return float(f"{row:.3g}") if math.isfinite(row) else NOT_A_NUMBER
    return row


def about():
    """Where and with what the cells were run."""
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run(
        [*git, "rev-parse", "--short", "HEAD"], check=False, capture_output=True, text=True
    )
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit.stdout.strip(),
        "machine": {
            "processor": platform.machine(),
            "accelerator": None,
            "cpus": os.cpu_count(),
            "threads": 1,
            "load_before": round(os.getloadavg()[0], 1),
            "python": platform.python_version(),
        },
        "versions": found,
    }


def write(result):
    """One line of the file for each rival and option."""
    cells = result["cells"]
    lines = [
        f"  {json.dumps(name)}: {{\n"
        + ",\n".join(f"   {json.dumps(o)}: {json.dumps(row)}" for o, row in rival.items())
        + "\n  }"
        for name, rival in cells.items()
    ]
    head = json.dumps({k: v for k, v in result.items() if k != "cells"}, indent=1)
    text = head.removesuffix("\n}") + ',\n "cells": {\n' + ",\n".join(lines) + "\n }\n}\n"
    RESULT.write_text(text, encoding="utf-8")


def show(result):
    """Verdicts, one line for each rival and option that is not right everywhere."""
    for name, rival in result["cells"].items():
        for option, row in rival.items():
            verdicts = {dtype: one["verdict"] for dtype, one in row.items()}
            if set(verdicts.values()) != {"right"}:
                reason = next((one["words"] for one in row.values() if "words" in one), "")
                print(f"{name:14} {option:14} {verdicts} {reason}")
        counts = Counter(one["verdict"] for row in rival.values() for one in row.values())
        print(f"{name:14} {dict(counts)}")
