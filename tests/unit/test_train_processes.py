import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from likely.train.run import read_run
from tests.unit.train_child import go, surprising

ROOT = Path(__file__).parents[2]


def child(folder, accumulate=1, dropout=0.0, pause=0.0, choose=None, **environment):
    given = [folder, accumulate, dropout, pause, choose.__name__ if choose else "all"]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.unit.train_child", *map(str, given)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def weights(folder):
    return (folder / "model" / "model.safetensors").read_bytes()


def finish(*processes):
    for process in processes:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_kill_at_a_random_step_and_resume_to_the_same_bits(tmp_path, one_thread):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    go(whole, dropout=0.2)
    step = random.SystemRandom().randint(1, 55)
    process = child(killed, dropout=0.2, pause=0.02)
    metrics = killed / "metrics.jsonl"
    end = time.monotonic() + 120
    while not metrics.exists() or metrics.read_bytes().count(b"\n") < step:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert not read_run(killed).finished, step
    finish(child(killed, dropout=0.2))
    assert weights(killed) == weights(whole), f"killed at step {step}"
    for one, other in zip(read_run(killed).metrics, read_run(whole).metrics, strict=True):
        varying = {"seconds", "tokens_per_second"}
        assert {k: v for k, v in one.items() if k not in varying} == {
            k: v for k, v in other.items() if k not in varying
        }, f"killed at step {step}"


@pytest.mark.parametrize("choose", [None, surprising])
def test_two_processes_are_one(tmp_path, one_thread, choose):
    alone, together = tmp_path / "alone", tmp_path / "together"
    go(alone, accumulate=4, choose=choose)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"LOCAL_WORLD_SIZE": "2", "ACCELERATE_USE_CPU": "true"}
    processes = [
        child(together, 4, choose=choose, **shared, RANK=str(rank), LOCAL_RANK=str(rank))
        for rank in (0, 1)
    ]
    finish(*processes)
    one, two = read_run(alone).training, read_run(together).training
    assert [row["tokens"] for row in one] == [row["tokens"] for row in two]
    for name in ("loss", "gradient_norm", "entropy", *(["chosen"] if choose else [])):
        assert [row[name] for row in two] == pytest.approx([row[name] for row in one], rel=1e-4)
