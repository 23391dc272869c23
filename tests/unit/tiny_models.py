"""Tiny causal language models of transformers, and the plain way to their loss."""

import torch
from torch.nn.functional import cross_entropy
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

SIZE = {
    "vocab_size": 128,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
GPT2 = {"vocab_size": 128, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
QUIET = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
ENDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
CAP, SCALE, DIVISOR = 3.0, 0.25, 5.0
MAKERS = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZE)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SIZE, head_dim=8)),
    "gemma2": lambda: Gemma2ForCausalLM(
        Gemma2Config(**SIZE, head_dim=8, final_logit_softcapping=CAP, attn_implementation="eager")
    ),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(**GPT2, **QUIET, **ENDS, loss_type="ForCausalLMLoss")
    ),
    "cohere": lambda: CohereForCausalLM(CohereConfig(**SIZE, logit_scale=SCALE)),
    "granite": lambda: GraniteForCausalLM(GraniteConfig(**SIZE, logits_scaling=DIVISOR)),
}
FOUR = ("llama", "qwen3", "gemma2", "gpt2")
LAYERS = {name: "transformer.h" if name == "gpt2" else "model.layers" for name in FOUR}


def tiny(name, seed=0):
    """A model whose logits spread over several nats, so that caps and scales matter."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MAKERS[name]()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.3)
    return model.train()


def micro_batches(count, rows=2, length=9, seed=1):
    """Batches with very unequal numbers of targets; the last has one."""
    g = torch.Generator().manual_seed(seed)
    found = []
    for i in range(count):
        ids = torch.randint(3, 128, (rows, length), generator=g)
        labels = ids.clone()
        labels[0, : 1 + 3 * i] = -100
        labels[1:, : length - 1 if i == count - 1 and count > 1 else i] = -100
        found.append({"input_ids": ids, "labels": labels})
    return found


def targets(batch):
    return int((batch["labels"][:, 1:] != -100).sum())


def focal(logits, target, gamma=2.0):
    """Σ (1 − p)^γ (−log p), from whole logits."""
    log_p = logits.log_softmax(-1).gather(-1, target[:, None])[:, 0]
    return -((1 - log_p.exp()) ** gamma * log_p).sum()


PLAIN = {
    "cross_entropy": lambda z, y: cross_entropy(z, y, reduction="sum"),
    "focal(gamma=2)": focal,
}


def plain_sum(model, batch, objective):
    """Σ over targets of the objective, from the model's own logits in float32."""
    given = {name: value for name, value in batch.items() if name != "labels"}
    logits = model(**given).logits.float()[:, :-1].flatten(0, 1)
    target = batch["labels"][:, 1:].flatten()
    return PLAIN[objective](logits[target != -100], target[target != -100])


def gradients(model):
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def furthest(found, expected):
    """The largest relative distance of a gradient, over parameters."""
    assert set(found) == set(expected)
    return max(
        float((found[n] - g).norm() / g.norm().clamp_min(1e-30)) for n, g in expected.items()
    )
