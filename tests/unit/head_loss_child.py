"""Two gloo processes: every model × wrapper × accumulation, in one launch. FOLDER for the JSON."""

import copy
import json
import os
import sys
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from likely.core.head import Head
from likely.models.head_loss import lm_loss
from likely.train.patching import patch
from likely.vocab.scan import scan
from tests.unit.tiny_models import (
    FOUR,
    LAYERS,
    furthest,
    gradients,
    micro_batches,
    plain_sum,
    targets,
    tiny,
)

WRAPPERS = ("DDP", "FSDP2", "FSDP2 head", "FSDP2 LoRA")
OBJECTIVES = ("cross_entropy", "focal(gamma=2)")
STEPS, TIED = (1, 3), ("gemma2", "gpt2")


def with_lora(model, name):
    from peft import LoraConfig, get_peft_model

    inside = ["c_attn"] if name == "gpt2" else ["q_proj", "v_proj"]
    config = LoraConfig(r=2, target_modules=inside, fan_in_fan_out=name == "gpt2")
    model = get_peft_model(model, config)
    g = torch.Generator().manual_seed(7)
    for parameter_name, parameter in model.named_parameters():
        if "lora_" in parameter_name:  # The same on all; B is 0 at first, which would hide A.
            parameter.data.normal_(std=0.3, generator=g)
    return model


def wrapped(model, wrapper, name, mesh):
    if wrapper == "DDP":
        return DistributedDataParallel(model)
    inner = model.get_base_model() if wrapper == "FSDP2 LoRA" else model
    for layer in inner.get_submodule(LAYERS[name]):
        fully_shard(layer, mesh=mesh)
    if wrapper == "FSDP2 head":
        fully_shard(inner.lm_head, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def whole(gradient):
    return gradient.full_tensor() if hasattr(gradient, "full_tensor") else gradient


def case(name, wrapper, objective, steps, mesh):
    """Loss and gradients of the wrapped model against plain logits on one process."""
    world, rank = dist.get_world_size(), dist.get_rank()
    model = tiny(name)
    if wrapper == "FSDP2 LoRA":
        model = with_lora(model, name)
    alone = copy.deepcopy(model)
    batches = micro_batches(steps * world)
    items = sum(map(targets, batches))
    expected = 0.0
    for batch in batches:
        loss = plain_sum(alone, batch, objective) / items
        loss.backward()
        expected += loss.item()
    # A script may patch before it wraps (a trainer does) or after.
    early = patch(model, objective=objective) if objective != OBJECTIVES[0] else None
    together = wrapped(model, wrapper, name, mesh)
    found = torch.zeros(())
    mine = [{**b, "num_items_in_batch": torch.tensor(items)} for b in batches[rank::world]]
    if steps == 1:
        (batch,) = mine
        loss = lm_loss(together, batch, objective) * world
        loss.backward()
        found += loss.detach()
    else:
        with early or patch(together, objective=objective):
            for batch in mine:
                loss = together(**batch).loss * world
                loss.backward()
                found += loss.detach()
    dist.all_reduce(found)
    inner = together.module if wrapper == "DDP" else together
    here = {n: whole(g) for n, g in gradients(inner).items()}
    return {
        "model": name,
        "wrapper": wrapper,
        "objective": objective,
        "steps": steps,
        "loss": found.item() / world,
        "expected": expected,
        "gradient": furthest(here, gradients(alone)),
        "parameters": len(here),
    }


def outside(mesh):
    """What happens to a fused loss that is taken outside of the head's forward."""
    batches = micro_batches(2)
    mine = batches[dist.get_rank()]
    y = mine["labels"][:, 1:].flatten()

    def loss_of(model):
        states = model.model(input_ids=mine["input_ids"]).last_hidden_state
        states = states[:, :-1].flatten(0, 1)[y != -100]
        head = Head(model.lm_head.weight)
        return -scan(states, head, y[y != -100], {"log_prob"})["log_prob"].mean()

    model = tiny("llama")
    loss_of(DistributedDataParallel(model).module).backward()
    ours = model.lm_head.weight.grad
    theirs = ours.clone()
    dist.broadcast(theirs, 0)
    apart = torch.tensor([(ours - theirs).norm() / theirs.norm()])
    dist.all_reduce(apart, dist.ReduceOp.MAX)
    sharded = wrapped(tiny("llama"), "FSDP2", "llama", mesh)
    try:
        loss_of(sharded)
        problem = "none"
    except Exception as caught:
        problem = f"{type(caught).__name__}: {caught}"
    return {"DDP": apart.item(), "FSDP2": problem}


def as_on_a_card():
    """`auto` chooses Triton, which recomputes in the backward pass; its kernels are interpreted."""
    from likely.vocab import _prepared

    _prepared.HOLD_BYTES = 0
    _prepared.engine_of = lambda device: "triton"


def main(folder):
    if os.environ.get("ENGINE") == "triton":
        as_on_a_card()
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    try:
        import peft  # noqa: F401

        wrappers = WRAPPERS
    except ImportError:
        wrappers = WRAPPERS[:-1]
    rows = [
        case(name, wrapper, objective, steps, mesh)
        for name in FOUR
        for wrapper in wrappers
        for objective in OBJECTIVES
        for steps in STEPS
        if objective == OBJECTIVES[0] or steps == 3
        if wrapper != "FSDP2 head" or name not in TIED  # Tied weights are in one group.
    ]
    found = {"cases": rows, "outside": outside(mesh)}
    if dist.get_rank() == 0:
        Path(folder, "matrix.json").write_text(json.dumps(found), encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1])
