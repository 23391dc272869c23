"""Checkpoints: `checkpoints/step-000123/` with safetensors and one JSON, whole or absent.

`model.safetensors` holds parameters and buffers by name, `optimizer.safetensors` the moments
as `exp_avg/<parameter>` and so on, `objective.safetensors` the tensors of the objective's
memory, and `state.json` everything else. Nothing is pickled.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from likely.core.disk import remove, whole_folder
from likely.core.errors import BadInput
from likely.train._shards import like, put

FORMAT = 1
KEEP = 2
"""How many stay: the newest, and one in case that cannot be read."""
FILES = ("model", "optimizer", "objective")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What `write` put down.

    Args:
        step: steps taken.
        tensors: by file (`model`, `optimizer`, `objective`), then by name.
        state: the rest, as plain JSON values.
    """

    step: int
    tensors: Mapping[str, Mapping[str, Tensor]]
    state: Mapping[str, Any]


def write(run: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint and drop those before the last two.

    Args:
        run: the run's folder.
        checkpoint: what to write.

    Returns:
        Its folder; one that is already there stays as it is.
    """
    folder = run / "checkpoints" / f"step-{checkpoint.step:06d}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(folder) as part:
        for name in FILES:
            save_file(_plain(checkpoint.tensors[name]), part / f"{name}.safetensors")
        state = {"format": FORMAT, "step": checkpoint.step, **checkpoint.state}
        (part / "state.json").write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
    for old in _folders(run)[:-KEEP]:
        remove(old)
    return folder


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU: safetensors refuses views and shared memory."""
    return {
        name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()
    }


def newest(run: Path) -> Path | None:
    """The newest checkpoint that can be read.

    Args:
        run: the run's folder.

    Returns:
        Its folder, or None where there is none.

    Raises:
        BadInput: it was written in a later format.
    """
    return next((folder for folder in reversed(_folders(run)) if _is_whole(folder)), None)


def drop_after(run: Path, step: int) -> None:
    """Remove checkpoints of later steps, which could not be read.

    Args:
        run: the run's folder.
        step: the last one to stay; −1 drops all.
    """
    for folder in _folders(run):
        if int(folder.name.removeprefix("step-")) > step:
            remove(folder)


def read(folder: Path) -> Checkpoint:
    """Read a checkpoint.

    Args:
        folder: from `newest`.

    Returns:
        The checkpoint, on the CPU.
    """
    tensors = {name: load_file(folder / f"{name}.safetensors") for name in FILES}
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return Checkpoint(state["step"], tensors, state)


def _folders(run: Path) -> list[Path]:
    """All of them, oldest first."""
    found = (run / "checkpoints").glob("step-*")
    numbered = [path for path in found if path.name.removeprefix("step-").isdigit()]
    return sorted(numbered, key=lambda path: int(path.name.removeprefix("step-")))


def _is_whole(folder: Path) -> bool:
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        for name in FILES:
            with safe_open(folder / f"{name}.safetensors", framework="pt"):
                pass
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, SafetensorError):
        return False
    if state.get("format") != FORMAT:
        raise BadInput(
            f"{folder} has format {state.get('format')!r}, and this version of likely reads "
            f"format {FORMAT}: install a newer likely."
        )
    return True


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Parameters that are trained and buffers by name, each once where several names share one.

    Args:
        model: the model; what is frozen in it is not of its run.

    Returns:
        Name → the tensor itself.
    """
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    return trained | dict(model.named_buffers())


def moments(optimizers: Sequence[torch.optim.Optimizer], model: nn.Module) -> dict[str, Tensor]:
    """What the optimisers remember of each parameter.

    Args:
        optimizers: of these parameters; each parameter has one.
        model: whose names are used.

    Returns:
        `exp_avg/<parameter>` and so on → the tensor itself.
    """
    return {
        f"{key}/{name}": value
        for name, parameter in model.named_parameters()
        for optimizer in optimizers
        for key, value in optimizer.state.get(parameter, {}).items()
    }


@torch.no_grad()
def restore(
    checkpoint: Checkpoint,
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    where: Path,
) -> None:
    """Put weights and moments back.

    Args:
        checkpoint: what was read.
        model: gets its weights.
        optimizers: get their moments.
        where: the run, for the message.

    Raises:
        BadInput: the checkpoint is of another model.
    """
    mine, kept = weights(model), checkpoint.tensors["model"]
    wrong = sorted(mine.keys() ^ kept.keys())
    wrong += [k for k in mine.keys() & kept.keys() if mine[k].shape != kept[k].shape]
    if wrong:
        raise BadInput(
            f"{where}: its checkpoint is of another model ({wrong[0]!r} differs, "
            f"{len(wrong)} in all). Give the model that the run began with."
        )
    for name, value in kept.items():
        put(mine[name], value)
    parameters = dict(model.named_parameters())
    owners = {p: o for o in optimizers for group in o.param_groups for p in group["params"]}
    for path, value in checkpoint.tensors["optimizer"].items():
        key, name = path.split("/", 1)
        owners[parameters[name]].state[parameters[name]][key] = like(parameters[name], value)
