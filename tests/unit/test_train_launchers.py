"""`torchrun` and `accelerate launch` with two processes give what one process gives."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from likely.train.run import read_run
from tests.unit.test_data_split import prose

BIN = Path(sys.executable).parent
LAUNCHERS = {
    "torchrun": [BIN / "torchrun", "--standalone", "--nproc-per-node=2"],
    "accelerate": [
        *(BIN / "accelerate", "launch", "--multi_gpu", "--num_processes=2", "--num_machines=1"),
        *("--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0"),
    ],
}
ALONE = [sys.executable]
SMALL = ["--model", "feed_forward(context=3, embedding=4, width=8)", "--precision", "float32"]
SMALL += ["--rows", "4", "--length", "16"]


@pytest.fixture
def notes(tmp_path):
    for n in range(10):
        (tmp_path / f"{n}.md").write_text(prose(n, 40), encoding="utf-8")
    return tmp_path


def begin(launcher, notes, *words):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)}
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        environment.pop(name, None)
    return subprocess.Popen(
        [*map(str, launcher), "-m", "likely", "train", *words],
        cwd=notes,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    try:
        out, err = process.communicate(timeout=100)
    except subprocess.TimeoutExpired:
        # A launcher passes this on to its processes.
        process.terminate()
        process.communicate(timeout=40)
        raise
    return process.returncode, out, err


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes_are_one(notes, launcher):
    words = ["--data", *(f"{n}.md" for n in range(10)), *SMALL, "--steps", "12"]
    alone = begin(ALONE, notes, *words, "--out", "alone")
    assert finish(alone)[0] == 0
    code, out, err = finish(begin(LAUNCHERS[launcher], notes, *words))
    assert code == 0, err
    (folder,) = (notes / "runs").iterdir()
    one, two = read_run(notes / "alone"), read_run(folder)
    assert two.recipe == one.recipe
    for name in ("loss", "gradient_norm"):
        rows = [[row[name] for row in run.training] for run in (one, two)]
        assert len(rows[0]) == 12
        assert rows[1] == pytest.approx(rows[0], rel=1e-4)
    assert [r["tokens"] for r in two.training] == [r["tokens"] for r in one.training]
    assert two.evaluation["bits_per_byte"] == pytest.approx(one.evaluation["bits_per_byte"])
    assert err.count("Text: 10 documents") == 1
    assert "Processes: 2, each with 2 of the 4 windows of a step" in err
    assert out.count("Held-out text") == 1


def test_sizes_are_chosen_once_for_all(notes):
    words = ["--data", ".", "--minutes", "0.02", "--model", "transformer(layers=1, width=16)"]
    code, _out, err = finish(begin(LAUNCHERS["torchrun"], notes, *words))
    assert code == 0, err
    steps = re.findall(r"Steps: ([\d,]+) of 4 × 64", err)
    assert len(steps) == 1
    (folder,) = (notes / "runs").iterdir()
    found = read_run(folder)
    assert found.recipe.steps == int(steps[0].replace(",", ""))
    assert found.finished
    assert found.model.parameters_count > 0
    assert (folder / "report.html").is_file()


def test_a_mistake_is_told_once(notes):
    code, _, err = finish(begin(LAUNCHERS["torchrun"], notes, "--data", "nowhere"))
    assert code != 0
    assert err.count("nowhere: no such file or folder") == 1
    assert set(re.findall(r"exitcode  : (\d+)", err)) == {"2"}
    code, _out, err = finish(begin(LAUNCHERS["torchrun"], notes, "--data", ".", "--rows", "3"))
    assert code != 0
    assert err.count("which 2 processes cannot share evenly: take rows=4") == 1


def test_ctrl_c_saves_once_and_goes_on(notes):
    words = ["--data", *(f"{n}.md" for n in range(10)), *SMALL, "--steps", "100000"]
    words += ["--out", "run"]
    process = begin(LAUNCHERS["torchrun"], notes, *words)
    metrics, end = notes / "run" / "metrics.jsonl", time.monotonic() + 60
    while not metrics.exists() or not metrics.read_bytes().count(b"\n"):
        assert process.poll() is None, finish(process)
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code != 0
    assert err.count("everything is saved. Go on with: likely train --resume run") == 1
    (kept,) = (notes / "run" / "checkpoints").iterdir()
    assert int(kept.name.removeprefix("step-")) > 0
    assert not read_run(notes / "run").finished
    code, _out, err = finish(begin(ALONE, notes, "--resume", "run", "--device", "cpu"))
    assert code == 2
    assert "It ran in 2 process(es), and now in 1" in err
