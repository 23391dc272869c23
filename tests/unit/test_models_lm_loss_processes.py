"""Two processes: the loss inside the head is right under every wrapper, and outside it is not."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.head_loss_child import OBJECTIVES, STEPS, TIED, WRAPPERS
from tests.unit.tiny_models import FOUR

ROOT = Path(__file__).parents[2]


def two_processes(child, folder):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)}
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        environment.pop(name, None)
    launcher = [Path(sys.executable).parent / "torchrun", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*map(str, launcher), "-m", child, str(folder)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (written,) = folder.glob("*.json")
    return json.loads(written.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    """One launch for all: starting two processes costs more than what they do."""
    return two_processes("tests.unit.head_loss_child", tmp_path_factory.mktemp("matrix"))


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("name", FOUR)
def test_loss_and_gradients_are_those_of_whole_logits_on_one_process(matrix, name, wrapper, steps):
    if "LoRA" in wrapper and importlib.util.find_spec("peft") is None:
        pytest.skip("peft is not installed")
    if wrapper == "FSDP2 head" and name in TIED:
        pytest.skip("a tied head is in the group of the embeddings: that is FSDP2")
    rows = [
        row
        for row in matrix["cases"]
        if (row["model"], row["wrapper"], row["steps"]) == (name, wrapper, steps)
    ]
    assert [row["objective"] for row in rows] == list(OBJECTIVES[: 1 if steps == 1 else 2])
    for row in rows:
        assert row["loss"] == pytest.approx(row["expected"], rel=1e-6)
        assert row["gradient"] < 5e-6
        assert row["parameters"] >= 4


@pytest.mark.slow
def test_wrappers_hold_the_weight_until_it_is_multiplied_again(tmp_path, monkeypatch):
    """As on a card, where the head's logits are computed once more in the backward pass."""
    pytest.importorskip("triton", reason="Triton is not installed")
    monkeypatch.setenv("ENGINE", "triton")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    for row in two_processes("tests.unit.head_loss_child", tmp_path)["cases"]:
        assert row["loss"] == pytest.approx(row["expected"], rel=1e-5), row
        assert row["gradient"] < 1e-5, row


def test_past_the_wrapper_processes_disagree_without_an_error_or_crash(matrix):
    assert matrix["outside"]["DDP"] > 0.1
    assert "DTensor" in matrix["outside"]["FSDP2"]


def test_zero_3(tmp_path):
    if importlib.util.find_spec("deepspeed") is None:
        pytest.skip("DeepSpeed is not installed: it is built from source, on a machine with ninja")
    found = two_processes("tests.unit.zero_child", tmp_path)
    assert list(found) == list(FOUR)
    for row in found.values():
        assert row["numbers"] == 0  # Outside of its forward the head has no weight at all.
        assert row["loss"] == pytest.approx(row["expected"], rel=1e-6)
        assert row["gradient"] < 5e-6
