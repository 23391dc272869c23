"""One training step of `benchmarks/scan_gpu.py`: a Llama with LoRA, one objective, one length.

The model has the shape of Llama-3-8B and random weights, drawn on the device in bfloat16; adapters
of rank 16 are on every linear layer but the head, which is frozen; layers are checkpointed. A step
is forward, backward and AdamW on the adapters. `dpop` reads one chosen and one rejected row of half
the length each, and its step takes the log-probabilities under the reference (the model without
adapters) as well, by the same method.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from benchmarks.gpu_head import Broken, reason
from likely.core.head import Head
from likely.models.head_loss import lm_loss
from likely.objectives.dpop import dpop
from likely.objectives.emo import emo
from likely.vocab.scan import scan

LLAMA = {
    "vocab_size": 128_256,
    "hidden_size": 4096,
    "intermediate_size": 14_336,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131_072,
    "rms_norm_eps": 1e-5,
}
LAYERS = 32
TOY = LLAMA | {
    "vocab_size": 512,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
LENGTHS = [4096 * 2**i for i in range(5)]
OBJECTIVES = ("cross_entropy", "dpop", "emo")
METHODS = {"likely": OBJECTIVES, "dense": OBJECTIVES, "liger": ("cross_entropy",)}
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
RANK, RATE, WARM_UP, STEPS = 16, 1e-4, 1, 3


def built(job, device):
    """The model with its adapters, ready to be trained.

    Args:
        job: `layers`, `toy`, `method`.
        device: where.

    Returns:
        The model of peft.
    """
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, LlamaConfig

    size = TOY if job["toy"] else LLAMA
    config = LlamaConfig(**size, num_hidden_layers=job["layers"], use_cache=False)
    config.rope_parameters = {"rope_type": "default", "rope_theta": 500_000.0}
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    if job["method"] == "liger":
        # The loss alone: its other kernels would be compared with plain layers.
        from liger_kernel.transformers import apply_liger_kernel_to_llama

        others = {"rope": False, "rms_norm": False, "swiglu": False, "cross_entropy": False}
        apply_liger_kernel_to_llama(**others, fused_linear_cross_entropy=True, model=model)
    # transformers calls it by another name from 5.23 on.
    enable = getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)
    enable({"use_reentrant": False})
    adapters = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=LINEAR)
    # Adapters stay in bfloat16: states are else copied to float32 in front of each of them.
    return get_peft_model(model, adapters, autocast_adapter_dtype=False).train()


def batch_of(objective, length, size, device):
    """Random ids; for pairs two rows of half the length.

    Args:
        objective: its name.
        length: tokens in all.
        size: of the vocabulary.
        device: where.

    Returns:
        What the model is called with.
    """
    rows = 2 if objective == "dpop" else 1
    g = torch.Generator().manual_seed(0)
    ids = torch.randint(size, (rows, length // rows), generator=g).to(device)
    batch = {"input_ids": ids, "labels": ids}
    return batch | ({"pair": torch.tensor([[0, 1]], device=device)} if rows == 2 else {})


def next_tokens(ids):
    """The target of each place; the last place of a row has none, and says 0."""
    return F.pad(ids, (0, 1))[:, 1:]


@torch.no_grad()
def reference(model, ids, method):
    """Log p of every target under the model without adapters.

    Args:
        model: of peft.
        ids: `[S, T]`.
        method: `likely` scans, `dense` keeps logits.

    Returns:
        `[S, T]`, 0 where there is no target.
    """
    inner, target = model.get_base_model(), next_tokens(ids)
    with model.disable_adapter():
        if method == "likely":
            states = inner.model(input_ids=ids).last_hidden_state.flatten(0, 1)
            stats = scan(states, Head(inner.lm_head.weight), target.flatten(), {"log_prob"})
            found = stats["log_prob"].view_as(ids)
        else:
            found = log_prob(inner(input_ids=ids).logits, target)
    found[:, -1] = 0.0
    return found


def log_prob(logits, target):
    """Log p of every target from whole logits, in float32."""
    loss = F.cross_entropy(logits.float().flatten(0, 1), target.flatten(), reduction="none")
    return -loss.view_as(target)


def loss_of(model, batch, objective, method):
    """The loss of one step.

    Args:
        model: of peft.
        batch: what `batch_of` gave.
        objective: its name.
        method: `likely`, `dense` or `liger`.

    Returns:
        One number with its gradient.
    """
    ids = batch["input_ids"]
    known = {"reference_log_prob": reference(model, ids, method)} if objective == "dpop" else {}
    if method == "likely":
        return lm_loss(model, batch | known, objective)
    if objective == "cross_entropy":
        return model(**batch).loss
    logits, target = model(input_ids=ids).logits, next_tokens(ids)
    found = log_prob(logits, target)
    if objective == "dpop":
        segment = torch.arange(len(ids), device=ids.device)[:, None].expand_as(ids)
        weight = torch.ones_like(found)
        weight[:, -1] = 0.0
        flat = [t.flatten() for t in (found, known["reference_log_prob"], segment, weight)]
        return dpop(*flat, batch["pair"]).mean()
    rows = F.normalize(model.get_base_model().lm_head.weight.detach(), dim=-1)
    expected = logits.float().softmax(-1).to(rows.dtype) @ rows
    similarity = (expected.float() * rows[target].float()).sum(-1)
    return emo(found[:, :-1].flatten(), similarity[:, :-1].flatten()).mean()


def measured(job, device):
    """Seconds and bytes of a step.

    Args:
        job: `method`, `objective`, `length`, `layers`, `toy`.
        device: where.

    Returns:
        What the file says of this point.
    """
    model = built(job, device)
    size = model.get_base_model().config.vocab_size
    batch = batch_of(job["objective"], job["length"], size, device)
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=RATE)
    on_card, seconds = device.type == "cuda", []
    held = torch.cuda.memory_allocated() if on_card else 0
    for turn in range(WARM_UP + STEPS):
        if on_card and turn == WARM_UP:
            torch.cuda.reset_peak_memory_stats()
        _wait(on_card)
        begin = time.perf_counter()
        loss = loss_of(model, batch, job["objective"], job["method"])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        _wait(on_card)
        seconds.append(time.perf_counter() - begin)
        first = float(loss.detach()) if turn == 0 else first
        del loss
    found = {"seconds": statistics.median(seconds[WARM_UP:]), "first_loss": first}
    if on_card:
        peak = torch.cuda.max_memory_allocated()
        found |= {"peak_gibibytes": peak / 2**30, "above_model_gibibytes": (peak - held) / 2**30}
    return found


def _wait(on_card):
    if on_card:
        torch.cuda.synchronize()


def main():
    """Measure one point, given as JSON, and leave the result in a file."""
    job = json.loads(sys.argv[1])
    try:
        found = measured(job, torch.device(job["device"]))
    except Exception as problem:
        try:
            found = {"why": reason(problem)}
        except Broken as lost:
            found = {"why": str(lost)}
    Path(job["out"]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
