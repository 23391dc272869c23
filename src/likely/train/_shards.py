"""Weights in parts on several processes (FSDP2): how they are cut, and how they are whole again.

`torch`'s own `fully_shard` does the work: each block of a transformer is a group, and what is left
(embeddings, last norm, head) is the group of the reader itself. Its forward is `Reader.hidden`,
which returns states and head; the head stays whole until the backward pass has used it, so that
the scan reads plain tensors.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from accelerate import Accelerator, DistributedType
from torch import Tensor, nn

from likely.core.errors import Unsupported
from likely.models.reader import Reader


def are_wanted(accelerator: Accelerator) -> bool:
    """Whether a launcher asked for sharded weights.

    Accelerate itself knows them on GPUs only; on CPU its variables are read here.

    Args:
        accelerator: the processes.

    Returns:
        True for FSDP2 on two processes and more.

    Raises:
        Unsupported: FSDP of version 1, or weights that lie on the CPU between steps.
    """
    if accelerator.num_processes == 1:
        return False
    asked = os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"
    if not asked and accelerator.distributed_type != DistributedType.FSDP:
        return False
    plugin = getattr(accelerator.state, "fsdp_plugin", None)
    version = plugin.fsdp_version if plugin else int(os.environ.get("FSDP_VERSION", "1"))
    if version != 2:
        raise Unsupported(
            "FSDP of version 1 cuts weights into flat pieces that have no names. Take version 2: "
            "accelerate launch --use_fsdp --fsdp_version 2, or FSDP_VERSION=2 with torchrun."
        )
    if os.environ.get("FSDP_OFFLOAD_PARAMS", "false").lower() == "true":
        raise Unsupported(
            "Weights that lie on the CPU between steps (FSDP_OFFLOAD_PARAMS) are not supported: "
            "leave it out, or share the weights between more processes."
        )
    return True


def shard(reader: nn.Module, accelerator: Accelerator) -> None:
    """Cut a model's weights over the processes, in place.

    Args:
        reader: whole, the same on every process.
        accelerator: the processes.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    model: Any = getattr(reader, "model", None)
    blocks = set(getattr(model, "_no_split_modules", None) or ())
    reader.to(accelerator.device)
    for module in reader.modules():
        if type(module).__name__ in blocks:
            fully_shard(module, mesh=mesh)
    fully_shard(reader, mesh=mesh, reshard_after_forward=False)
    register_fsdp_forward_method(reader, "hidden")


def prepared(step: nn.Module, reader: nn.Module, accelerator: Accelerator) -> nn.Module:
    """What computes a step on several processes: wrapped by DDP, or with sharded weights.

    Args:
        step: holds the reader.
        reader: the model.
        accelerator: the processes.

    Returns:
        The module to call.
    """
    if not are_wanted(accelerator):
        wrapped: nn.Module = accelerator.prepare(step)
        return wrapped
    shard(reader, accelerator)
    return step.to(accelerator.device)


def is_sharded(reader: Any) -> bool:
    """Whether a model's weights lie in parts.

    Args:
        reader: any model.

    Returns:
        True after `shard`.
    """
    return hasattr(reader, "set_requires_gradient_sync")


@contextmanager
def unsynchronised(accelerator: Accelerator, module: nn.Module) -> Iterator[None]:
    """Inside, gradients are added up here and not over processes.

    Args:
        accelerator: the processes.
        module: from `prepared`.

    Yields:
        Nothing.
    """
    reader: Any = getattr(module, "reader", None)
    if not is_sharded(reader):
        with accelerator.no_sync(module):
            yield
        return
    reader.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        reader.set_requires_gradient_sync(True)


def whole(tensor: Tensor) -> Tensor:
    """A tensor with all of its parts; every process must ask for it.

    Args:
        tensor: plain, or in parts.

    Returns:
        A plain tensor.
    """
    full: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return full


def gathered(tensors: Mapping[str, Tensor], accelerator: Accelerator) -> Mapping[str, Tensor]:
    """Whole tensors, on the main process only where they lay in parts; every process must ask.

    One after the other, so that no process holds more than one whole tensor on its device.

    Args:
        tensors: by name.
        accelerator: the processes.

    Returns:
        By name; those in parts on the CPU, and on other processes left out.
    """
    found = {}
    for name, tensor in tensors.items():
        full = whole(tensor.detach())
        if full is tensor or not hasattr(tensor, "full_tensor"):
            found[name] = tensor
        elif accelerator.is_main_process:
            found[name] = full.cpu()
    return found


@torch.no_grad()
def put(mine: Tensor, value: Tensor) -> None:
    """Write a whole tensor into one that may lie in parts.

    Args:
        mine: gets it.
        value: whole.
    """
    mine.copy_(like(mine, value))


def like(mine: Tensor, value: Tensor) -> Tensor:
    """A whole tensor on the device of another one, and in parts where that is.

    Args:
        mine: how it shall lie.
        value: whole, the same on every process; a single number stays whole.

    Returns:
        The same numbers.
    """
    value = value.to(mine.device)
    if not hasattr(mine, "full_tensor") or value.ndim == 0:
        return value
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(mine, DTensor)
    return distribute_tensor(value, mine.device_mesh, mine.placements)


def skeleton(reader: Any) -> Any:
    """A copy of a model without its weights, to be filled when it is whole again.

    Args:
        reader: whole.

    Returns:
        The same kind of model; its parameters have shapes only.
    """
    memo: dict[int, Any] = {id(reader.vocabulary): reader.vocabulary}
    for parameter in reader.parameters():
        empty = torch.empty_like(parameter, device="meta")
        memo[id(parameter)] = nn.Parameter(empty, requires_grad=parameter.requires_grad)
    return deepcopy(reader, memo)


def filled(bones: Any, weights: Mapping[str, Tensor]) -> Reader:
    """A whole model from its skeleton.

    Args:
        bones: from `skeleton`; becomes the model.
        weights: by name, each once.

    Returns:
        The model, in evaluation mode, on the CPU.
    """
    bones.load_state_dict(dict(weights), strict=False, assign=True)
    tie = getattr(getattr(bones, "model", None), "tie_weights", None)
    if tie is not None:
        tie()
    left = [name for name, weight in bones.named_parameters() if weight.is_meta]
    assert not left, left
    found: Reader = bones.cpu().eval()
    return found


@contextmanager
def reading(reader: Any) -> Iterator[None]:
    """Forward passes outside of a training step, on all processes at once.

    Without a backward pass the weights that they gathered would stay, and be read in place of
    those that the next step moves.

    Args:
        reader: sharded or not.

    Yields:
        Nothing.
    """
    yield
    if is_sharded(reader):
        reader.reshard()
