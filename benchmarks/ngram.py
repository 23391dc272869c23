"""How long the n-gram takes, and how well it predicts: writes `results/ngram.json`.

Counting is measured on Python's standard library, tests included (no text twice); bits per byte
on the held-out part of the embedded corpus. Every measurement of memory is a process of its own.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import sysconfig
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from likely.core.batch import Batch
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.embedded import embedded
from likely.data.split import split
from likely.data.tokens import Tokens, encode
from likely.models._tabulate import tabulate
from likely.models.ngram import NGram, judge, sweep

RESULT = Path(__file__).parent / "results" / "ngram.json"
VOCABULARY = Vocabulary.of_bytes()


def library(size: int) -> Tokens:
    """The first `size` bytes of the standard library's sources, one document a file."""
    root = Path(sysconfig.get_paths()["stdlib"])
    documents, total = [], 0
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if "site-packages" in name or total >= size:
            continue
        text = path.read_bytes()[: size - total].decode("utf-8", errors="ignore")
        if text:
            documents.append(Document(name, text))
            total += len(text.encode("utf-8"))
    return encode(Corpus("library", tuple(documents)), VOCABULARY)


def counting(order: int, size: int, left: bool) -> dict[str, object]:
    """Seconds and memory of counting, in this process."""
    tokens = library(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begin = time.perf_counter()
    counts = tabulate(tokens, order, left)
    seconds = time.perf_counter() - begin
    arrays = [a for level in counts.levels for a in vars(level).values() if a is not None]
    return {
        "order": order,
        "bytes": tokens.total_bytes,
        "kneser_ney_counts": left,
        "seconds": round(seconds, 2),
        "counts": sum(len(level.keys) for level in counts.levels),
        "stored_mib": round(sum(a.nbytes for a in arrays) / 2**20),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "peak_before_mib": round(before),
    }


def in_a_process(*numbers: int) -> dict[str, object]:
    """`counting` in a fresh process."""
    command = [sys.executable, __file__, "--count", *map(str, numbers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def predicting(smoothing: str, parts: dict[str, Tokens]) -> dict[str, object]:
    """Bits per byte of orders 2 to 16 on held-out text, and the seconds they took."""
    begin = time.perf_counter()
    models = sweep(parts["train"], parts["validation"], range(2, 17), smoothing=smoothing)
    fitted = time.perf_counter()
    judgements = judge(models, parts["held_out"])
    judged = time.perf_counter()
    scored = parts["held_out"].total_bytes * np.log(2)
    return {
        "sweep_seconds": round(fitted - begin, 2),
        "judge_seconds": round(judged - fitted, 2),
        "positions_a_second_order_6": reading(models[6], parts["held_out"]),
        "orders": {
            str(order): {
                "bits_per_byte": round(float(-log_prob.sum() / scored), 4),
                "accuracy": round(float(correct.mean()), 4),
                "counts": models[order].parameters_count,
            }
            for order, (log_prob, correct) in judgements.items()
        },
    }


def reading(model: NGram, tokens: Tokens) -> int:
    """Positions a second for which every log-probability is computed, the median of three."""
    size = len(tokens.ids) // 256 * 256
    ids = torch.from_numpy(tokens.ids[: min(size, 1 << 16)].astype(np.int64)).reshape(-1, 256)
    batch = Batch.of(ids, ids)
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        model.logits(batch)
        seconds.append(time.perf_counter() - begin)
    return int(len(batch) / sorted(seconds)[1])


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", nargs=3, type=int, metavar=("ORDER", "BYTES", "LEFT"))
    chosen = parser.parse_args().count
    if chosen:
        print(json.dumps(counting(chosen[0], chosen[1], bool(chosen[2]))))
        return
    corpus = embedded()
    parts = {k: encode(v, VOCABULARY) for k, v in split(corpus).parts.items()}
    result = {
        "format": 1,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {
            "cpus": os.cpu_count(),
            "load_before": round(os.getloadavg()[0], 1),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
        "counting": [
            in_a_process(6, 10_000_000, 0),
            in_a_process(6, 10_000_000, 1),
            in_a_process(16, 12_000_000, 0),
            in_a_process(16, 12_000_000, 1),
        ],
        "corpus": {"name": corpus.name} | {k: v.total_bytes for k, v in parts.items()},
        "dirichlet": predicting("dirichlet", parts),
        "kneser_ney": predicting("kneser_ney", parts),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(RESULT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
