"""How long `likely --help` takes, beside an empty Python: the median of eleven starts."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

RESULT = Path(__file__).parent / "results" / "start_up.json"


def seconds(*command: str) -> float:
    """Median wall time of a command."""
    taken = []
    for _ in range(11):
        begin = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


if __name__ == "__main__":
    row = {
        "format": 1,
        "help_seconds": round(seconds("-m", "likely", "--help"), 3),
        "list_seconds": round(seconds("-m", "likely", "list"), 3),
        "empty_python_seconds": round(seconds("-c", "pass"), 3),
        "cpus": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": sys.version.split()[0],
    }
    RESULT.write_text(json.dumps(row, indent=1) + "\n")
    print(row)
