"""Every statistic of a head that lies in parts: four processes are started once, for all cases."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.sharded_child import CASES

ROOT = Path(__file__).parents[2]
PROCESSES = 4


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What every process said of every case, or what it died of."""
    folder = tmp_path_factory.mktemp("sharded")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)}
    child = [sys.executable, "-m", "tests.contracts.sharded_child"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    running = [
        subprocess.Popen(
            [*child, str(rank), str(PROCESSES), str(folder)], cwd=ROOT, env=environment, **pipes
        )
        for rank in range(PROCESSES)
    ]
    try:
        out = [process.communicate(timeout=300)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    died = [f"rank {r}:\n{text}" for r, text in enumerate(out) if running[r].returncode]
    assert not died, "\n".join(died)
    files = [folder / f"{rank}.json" for rank in range(PROCESSES)]
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


@pytest.mark.parametrize("name", list(CASES))
def test_in_parts_it_is_what_it_is_whole(told, name):
    size, _ = CASES[name]
    wrong = [f"rank {r}: {line}" for r in range(size) for line in told[r][name]["said"]]
    assert not wrong, "\n".join(wrong[:20])
