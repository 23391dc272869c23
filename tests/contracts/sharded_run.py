"""Runs the cases of `sharded_child` on this process."""

import datetime
import json
import time
import traceback

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh


def main(rank, world, folder, only=()):
    from tests.contracts.sharded_child import CASES

    torch.set_num_threads(1)
    torch._C._set_deterministic_algorithms(True)  # What torch.empty gives is NaN.
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world,
        timeout=datetime.timedelta(seconds=60),
    )  # fmt: skip
    groups = {size: dist.new_group(list(range(size))) for size in (2, 3)}
    groups[world] = dist.group.WORLD
    meshes = {size: DeviceMesh.from_group(group, "cpu") for size, group in groups.items()
              if rank < size}  # fmt: skip
    found = {}
    for name, (size, function) in CASES.items():
        if rank >= size or (only and not any(o in name for o in only)):
            continue
        begin = time.time()
        try:
            said = function(groups[size], meshes[size])
        except Exception:
            said = [traceback.format_exc()]
        found[name] = {"said": said, "seconds": round(time.time() - begin, 2)}
    (folder / f"{rank}.json").write_text(json.dumps(found), encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()
