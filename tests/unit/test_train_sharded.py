"""Two processes that share the weights (FSDP2), or the windows of adapters, give one's numbers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from likely.train.run import read_run
from tests.unit import sharded_run_child as child
from tests.unit.test_models_lm_loss_processes import two_processes
from tests.unit.test_train_launchers import LAUNCHERS, SMALL, finish, notes

__all__ = ["notes"]
PEFT = "peft is not installed"


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


def furthest(one, two):
    assert one.keys() == two.keys()
    return max(float((one[name] - two[name]).norm() / one[name].norm()) for name in one)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """One launch for all: starting two processes costs more than what they do."""
    pytest.importorskip("peft", reason=PEFT)
    folder = tmp_path_factory.mktemp("together")
    return folder, two_processes("tests.unit.sharded_run_child", folder)


@pytest.mark.parametrize("name", child.CASES)
def test_losses_and_weights_are_those_of_one_process(together, tmp_path, name):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    one = child.go(tmp_path, name)
    torch.set_num_threads(threads)
    two = read_run(together[0] / name.replace(" ", "-"))
    measured = ("loss", "gradient_norm", *one.recipe.also)
    for key in measured:
        rows = [[row[key] for row in run.training] for run in (one, two)]
        assert rows[1] == pytest.approx(rows[0], rel=1e-6), key
    looks = [[row["nats_per_token"] for row in run.evaluations] for run in (one, two)]
    assert looks[1] == pytest.approx(looks[0], rel=1e-6)
    assert furthest(weights(one.folder), weights(two.folder)) < 1e-6
    held, whole = together[1][name], two.model.parameters_count
    if child.CASES[name][0] == "FSDP2" and "lora" not in name:  # Adapters are merged at the end.
        assert held < 0.6 * whole
        kept = load_file(two.folder / "checkpoints" / "step-000006" / "optimizer.safetensors")
        first = next(iter(weights(two.folder)))
        moments = {k.split("/", 1)[1]: v.shape for k, v in kept.items() if v.ndim}
        assert weights(two.folder)[first].shape in moments.values()


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(together):
    folder, found = together
    assert found["stopped"][0] in (4, 5)
    assert found["stopped"][1] == 6
    assert furthest(weights(folder / "adamw"), weights(folder / "stopped" / "adamw")) == 0


def test_what_cannot_be_shared_is_refused(together):
    assert "Muon stretches whole matrices" in together[1]["muon"]
    assert "on_step is called by the main process alone" in together[1]["on_step"]
    assert "Take version 2" in together[1]["version 1"]


@pytest.mark.slow
def test_a_launcher_shards_a_run_of_the_command_line(notes):
    words = ["--data", *(f"{n}.md" for n in range(10)), *SMALL[2:], "--steps", "6"]
    words += ["--optimizer", "adamw", "--model", "transformer(layers=2, width=16, context=16)"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)}
    environment |= {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}
    launched = subprocess.Popen(
        [*map(str, LAUNCHERS["torchrun"]), "-m", "likely", "train", *words, "--out", "run"],
        cwd=notes,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    code, out, err = finish(launched)
    assert code == 0, err
    assert out.count("Held-out text") == 1
    assert read_run(notes / "run").finished
    assert (Path(notes) / "run" / "report.html").is_file()
