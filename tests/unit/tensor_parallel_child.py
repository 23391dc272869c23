"""Two gloo processes: tensor parallelism of transformers, its head in parts. FOLDER for JSON."""

import json
import sys
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor
from transformers import AutoModelForCausalLM
from transformers.distributed import DistributedConfig

from likely.models.head_loss import lm_loss
from likely.train.patching import patch
from tests.unit.tiny_models import (
    PLAIN,
    furthest,
    gradients,
    micro_batches,
    plain_sum,
    targets,
    tiny,
)

NAMES = ("llama", "qwen3", "gemma2")
OBJECTIVES = ("cross_entropy", "focal(gamma=2)", "emo")


def loaded(name, folder):
    """A model as its users load it, in parts."""
    place = folder / name
    if dist.get_rank() == 0:
        tiny(name).save_pretrained(place)
    dist.barrier()
    return AutoModelForCausalLM.from_pretrained(
        place, distributed_config=DistributedConfig(tp_size=2)
    ).train()


def whole(gradient):
    return gradient.full_tensor() if isinstance(gradient, DTensor) else gradient


def case(name, objective, folder):
    together, alone = loaded(name, folder), tiny(name)
    (batch,) = micro_batches(1)
    if objective in PLAIN:
        expected = plain_sum(alone, batch, objective) / targets(batch)
    else:
        expected = lm_loss(alone, batch, objective)
    expected.backward()
    head = together.get_output_embeddings()
    if objective == OBJECTIVES[0]:
        loss = lm_loss(together, batch, objective)
    else:
        patch(together, objective=objective)
        loss = together(**batch).loss
    loss.backward()
    here = {n: whole(g) for n, g in gradients(together).items()}
    return {
        "placement": repr(getattr(head.weight, "placements", None)),
        "loss": loss.item(),
        "expected": expected.item(),
        "gradient": furthest(here, gradients(alone)),
    }


def main(folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    found = {f"{n} {o}": case(n, o, folder) for n in NAMES for o in OBJECTIVES}
    if dist.get_rank() == 0:
        (folder / "tensor_parallel.json").write_text(json.dumps(found), encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
