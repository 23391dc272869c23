"""What a mixture of the main job's models is worth: writes `results/mixture.json`.

Takes the models of folders that `python benchmarks/quickstart.py [--long]` left, fits weights on
validation text, as `likely mix` does, and reads all held-out text with the members and the mixture.
"""

import argparse
import json
import math
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

import likely
from likely.apps._pieces import pieces
from likely.audit.likelihood import Likelihood, difference, likelihood
from likely.data.embedded import embedded
from likely.data.split import split
from likely.data.tokens import encode
from likely.models.load import load
from likely.models.mixture import Mixture, mixture

RESULT = Path(__file__).parent / "results" / "mixture.json"
FIT_BYTES = 100_000


def standard_error(first: Likelihood, second: Likelihood) -> float:
    """Of the difference in bits per byte, over documents (a ratio's linearised error)."""
    more, size = second.nats - first.nats, math.log(2) * first.bytes
    rest = more - size * (more.sum() / size.sum())
    count = len(rest)
    return float(math.sqrt(count / (count - 1) * (rest**2).sum()) / size.sum())


def measure(folder: Path) -> dict[str, Any]:
    """Members and mixture of one job on all held-out text."""
    parts = split(embedded())
    names = sorted(path.name for path in (folder / "models").iterdir())
    members = {name: load(folder / "models" / name) for name in names}
    vocabulary = next(iter(members.values())).vocabulary
    begin = time.perf_counter()
    tokens = encode(pieces(parts.validation, FIT_BYTES), vocabulary)
    mixed = mixture(list(members.values()), tokens)
    fitted = time.perf_counter() - begin
    held_out = encode(parts.held_out, vocabulary)
    begin = time.perf_counter()
    whole = likelihood(Mixture(mixed.used, mixed.weights[mixed.weights > 0]), held_out)
    seconds = time.perf_counter() - begin
    rows = {}
    for (name, member), weight in zip(members.items(), mixed.weights, strict=True):
        found = likelihood(member, held_out)
        more, low, high = difference(whole, found)
        rows[name] = {
            "weight": float(weight),
            "bits_per_byte": found.bits_per_byte,
            "more_than_the_mixture": more,
            "interval": [low, high],
            "standard_error": standard_error(whole, found),
        }
        print(name, rows[name], flush=True)
    return {
        "bits_per_byte": whole.bits_per_byte,
        "per_domain": {k: v.bits_per_byte for k, v in whole.by_domain().items()},
        "documents": len(whole.nats),
        "bytes": int(whole.bytes.sum()),
        "fitted_on_bytes": tokens.total_bytes,
        "fit_seconds": fitted,
        "read_seconds": seconds,
        "members": rows,
    }


def main() -> None:
    """Measure every job that is there and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="what benchmarks/quickstart.py left")
    given = parser.parse_args().folders
    root = Path(__file__).parents[1] / "quickstart"
    folders = given or [p for p in (root / "benchmark-default", root / "benchmark-long")]
    rows = {path.name.removeprefix("benchmark-"): measure(path) for path in folders}
    found = {
        "format": 1,
        "date": datetime.now(UTC).date().isoformat(),
        "environment": {
            "likely": likely.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "cores": os.cpu_count(),
        },
        "jobs": rows,
    }
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
