"""ZeRO-3 of DeepSpeed on two gloo processes, for every model. FOLDER for the JSON."""

import copy
import json
import os
import sys
import warnings
from pathlib import Path

import torch
import torch.distributed as dist

from likely.train.patching import patch
from tests.unit.tiny_models import FOUR, gradients, micro_batches, plain_sum, targets, tiny

SETTINGS = {
    "train_micro_batch_size_per_gpu": 2,
    "gradient_accumulation_steps": 1,
    "zero_allow_untested_optimizer": True,
    "zero_force_ds_cpu_optimizer": False,
    "zero_optimization": {
        "stage": 3,
        "stage3_param_persistence_threshold": 0,
        "overlap_comm": False,
        "contiguous_gradients": False,
    },
}


def case(name):
    import deepspeed
    from deepspeed.utils import safe_get_full_grad

    rank, world = dist.get_rank(), dist.get_world_size()
    model = tiny(name)
    alone, batches = copy.deepcopy(model), micro_batches(world)
    items, expected = sum(map(targets, batches)), 0.0
    for batch in batches:
        loss = plain_sum(alone, batch, "focal(gamma=2)") / items
        loss.backward()
        expected += loss.item()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=SETTINGS)
    numbers = engine.module.get_output_embeddings().weight.numel()
    with patch(engine, objective="focal(gamma=2)"):
        given = {**batches[rank], "num_items_in_batch": torch.tensor(items)}
        loss = engine(**given).loss * world
        engine.backward(loss)
    found = loss.detach().clone()
    dist.all_reduce(found)
    known, furthest = gradients(alone), 0.0
    for parameter_name, parameter in engine.module.named_parameters():
        g = known[parameter_name]
        away = (safe_get_full_grad(parameter) - g).norm() / g.norm().clamp_min(1e-30)
        furthest = max(furthest, away.item())
    loss = found.item() / world
    return {"loss": loss, "expected": expected, "gradient": furthest, "numbers": numbers}


def main(folder):
    import deepspeed

    torch.set_num_threads(1)
    # It would compile a kernel of its own for sums over processes.
    sys.modules["deepspeed.comm.torch"].build_shm_op = lambda: None
    deepspeed.init_distributed("gloo")
    found = {name: case(name) for name in FOUR}
    if dist.get_rank() == 0:
        Path(folder, "zero.json").write_text(json.dumps(found), encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    os.environ["DS_ACCELERATOR"] = "cpu"
    main(sys.argv[1])
