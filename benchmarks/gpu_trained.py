"""States and head of a trained model, for `benchmarks/scan_gpu.py`: loaded, or trained on the spot.

A filter drops what is small, so what it saves depends on how peaked a model is: random states say
nothing about it. `--model FOLDER --text FILE` reads a causal language model of `transformers` from
disk. Without them a small one is trained here on the embedded corpus; it is small, and the file
says of either how peaked it is.
"""

import math
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F

from benchmarks.gpu_cases import Case

SIZES = {
    "merges": 65_536,
    "width": 1024,
    "layers": 4,
    "heads": 8,
    "context": 512,
    "rows": 16,
    "steps": 1200,
    "rate": 6e-4,
    "tokens": 8192,
    "documents": None,
}
TOY = SIZES | {
    "merges": 400,
    "width": 32,
    "layers": 1,
    "heads": 2,
    "context": 32,
    "rows": 4,
    "steps": 10,
    "tokens": 64,
    "documents": 20,
}
CUT = 2.0**-12
"""What `filter_eps="auto"` and Cut Cross-Entropy compare with in bfloat16."""


def trained(job, device):
    """The case, and what it is in words and numbers.

    Args:
        job: `model` and `text`, or neither; `toy`.
        device: where.

    Returns:
        The case and what the file says of it.
    """
    if job.get("model"):
        case, what = _loaded(Path(job["model"]), Path(job["text"]), device)
    else:
        case, what = _made(TOY if job["toy"] else SIZES, device)
    return case, what | peaks(case)


@torch.no_grad()
def peaks(case):
    """How peaked the softmax is.

    Args:
        case: states, head and targets.

    Returns:
        Nats and entropy a token, the share of tokens whose likeliest word has more than half,
        and how many words a token have a probability that a filter would see.
    """
    step, n = max(1, 2**25 // len(case.weight)), len(case.hidden)
    sums = torch.zeros(4, dtype=torch.float64)
    for hidden, target in zip(case.hidden.split(step), case.target.split(step), strict=True):
        log_p = case.capped((hidden @ case.weight.T).float()).log_softmax(-1)
        p = log_p.exp()
        kept = (
            -log_p.gather(1, target[:, None]).sum(),
            -(p * log_p).sum(),
            (p.amax(-1) > 0.5).sum(),
            (p > CUT).sum(),
        )
        sums += torch.stack([k.double() for k in kept]).cpu()
    names = ("nats a token", "entropy", "share of tokens surer than 1/2", "words above 2^-12")
    return {
        name: float(f"{value:.4g}") for name, value in zip(names, (sums / n).tolist(), strict=True)
    }


def _loaded(folder, text, device):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from likely.models._heads import scale_and_softcap

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True, dtype=torch.bfloat16
    ).to(device)
    ids = tokenizer(text.read_text(encoding="utf-8"), return_tensors="pt")["input_ids"][0]
    context = min(2048, len(ids) - 1)
    if context < 1:
        raise SystemExit(f"{text.name} is too short: give it more text.")
    rows = min(SIZES["tokens"] // context, (len(ids) - 1) // context)
    inputs = ids[: rows * context].view(rows, context).to(device)
    target = ids[1 : rows * context + 1].to(device)
    states = _states(model, inputs)
    scale, softcap = scale_and_softcap(model.config)
    weight = model.get_output_embeddings().weight.detach()
    what = {"kind": f"{type(model).__name__} from disk ({folder.name}), on {text.name}"}
    return Case(states * scale, weight, target, softcap), what


def _made(sizes, device):
    from likely.data.embedded import embedded
    from likely.data.tokenizers.bpe import bpe

    corpus = embedded()
    documents = list(islice(corpus, sizes["documents"]))
    vocabulary = bpe(type(corpus)(corpus.name, tuple(documents)), size=sizes["merges"])
    streams = [_stream(vocabulary, documents, held) for held in (False, True)]
    model = _fitted(vocabulary, streams[0], sizes, device)
    rows = min(sizes["tokens"], len(streams[1]) - 1) // sizes["context"]
    inputs, target = _windows(streams[1], torch.arange(rows) * sizes["context"], sizes["context"])
    states = _states(model, inputs.to(device))
    weight = model.get_output_embeddings().weight.detach().to(torch.bfloat16)
    read = sizes["steps"] * sizes["rows"] * sizes["context"]
    what = {
        "kind": (
            f"a Llama of {sizes['layers']} layers and width {sizes['width']}, trained on the spot "
            f"for {sizes['steps']} steps ({read:,} tokens) on the standard library of Python, "
            f"byte-level BPE of {vocabulary.size:,} ids; states of documents it has not read"
        ),
        "corpus": corpus.name,
        "vocabulary": vocabulary.size,
        "training_tokens_read": read,
        "training_tokens_there": len(streams[0]),
    }
    return Case(states, weight, target.flatten().to(device)), what


def _stream(vocabulary, documents, held):
    """Every tenth document, or all others, one after the other."""
    texts = [d.text for i, d in enumerate(documents) if (i % 10 == 0) == held]
    ids = [torch.tensor([vocabulary.bos, *row]) for row in vocabulary.encode_many(texts)]
    return torch.cat(ids)


def _windows(stream, starts, context):
    at = starts[:, None] + torch.arange(context)
    return stream[at], stream[at + 1]


def _fitted(vocabulary, stream, sizes, device):
    """A short training run in plain torch, dense loss: nothing that is measured takes part."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary.size,
        hidden_size=sizes["width"],
        intermediate_size=3 * sizes["width"],
        num_hidden_layers=sizes["layers"],
        num_attention_heads=sizes["heads"],
        num_key_value_heads=sizes["heads"],
        max_position_embeddings=sizes["context"],
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=sizes["rate"], betas=(0.9, 0.95))
    g, steps, context = torch.Generator().manual_seed(0), sizes["steps"], sizes["context"]
    for step in range(steps):
        for group in optimizer.param_groups:  # Up over a tenth, then down like a cosine.
            done = step / steps
            group["lr"] = sizes["rate"] * min(
                10 * (done + 1 / steps), (1 + math.cos(math.pi * done)) / 2
            )
        starts = torch.randint(len(stream) - context - 1, (sizes["rows"],), generator=g)
        inputs, target = (t.to(device) for t in _windows(stream, starts, context))
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits = model(input_ids=inputs, use_cache=False).logits
        loss = F.cross_entropy(logits.float().flatten(0, 1), target.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 200 == 0:
            print(f"  training: step {step}, {float(loss.detach()):.2f} nats", flush=True)
    return model


@torch.no_grad()
def _states(model, inputs):
    """Last hidden states in bfloat16, row by row; a model in float32 runs as it was trained."""
    model.eval()
    given = {"enabled": inputs.device.type == "cuda" and model.dtype == torch.float32}
    inner = model.get_decoder() if hasattr(model, "get_decoder") else model.base_model
    with torch.autocast(inputs.device.type, torch.bfloat16, **given):
        found = [inner(input_ids=row[None], use_cache=False).last_hidden_state[0] for row in inputs]
    return torch.cat(found).to(torch.bfloat16)
