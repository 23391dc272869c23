"""Runs of two processes that share weights (FSDP2) or windows (DDP), in one launch: FOLDER."""

import json
import os
import signal
import sys
import warnings
from pathlib import Path

import torch

from likely.core.errors import LikelyError
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.example import Example
from likely.data.examples import encode_examples
from likely.data.tokens import encode
from likely.models.transformer import transformer
from likely.train.errors import Interrupted
from likely.train.loop import run
from likely.train.recipe import Recipe
from likely.train.tables import Lora, Optimizer, Rollouts, Schedule

SMALL = {"layers": 2, "width": 16, "heads": 2, "context": 24}
CASES = {
    "adamw": ("FSDP2", {"objective": "focal(gamma=2)", "also": ("entropy",)}, {}),
    "tied": ("FSDP2", {"objective": "goldfish(k=3, context=2)"}, {"tie": True}),
    "emo": ("FSDP2", {"objective": "emo", "objective_after": 3}, {}),
    "sgd": ("FSDP2", {"optimizer": Optimizer("sgd", nesterov=True)}, {}),
    "sign": ("FSDP2", {"optimizer": Optimizer("sign")}, {}),
    "lora": ("FSDP2", {"lora": Lora(rank=2)}, {}),
    "lora DDP": ("DDP", {"lora": Lora(rank=2)}, {}),
    "sharpen": ("FSDP2", {"kind": "sharpen", "rollouts": Rollouts(4, 8), "length": 24}, {}),
    "align": ("FSDP2", {"kind": "align", "length": 24}, {}),
    "align lora": ("FSDP2", {"kind": "align", "length": 24, "lora": Lora(rank=2)}, {}),
    "align lora DDP": ("DDP", {"kind": "align", "length": 24, "lora": Lora(rank=2)}, {}),
}


def texts(count=30):
    words = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "hex", "it")
    lines = [" ".join(words[i % 5 :: 1 + i % 3]) * (1 + i % 4) for i in range(count)]
    documents = tuple(Document(str(i), line) for i, line in enumerate(lines))
    return encode(Corpus("tiny", documents), Vocabulary.of_bytes())


def pairs(count=24):
    """Answers to compare: of all sides, the longest have 14 targets."""
    made = [
        Example(str(i), f"{i} + {i} = ", (str(2 * i), str(2 * i + 1) * (1 + i % 3)))
        for i in range(count)
    ]
    return encode_examples(made, Vocabulary.of_bytes())


def go(folder, name, recipe=None, **more):
    _, changed, model = CASES[name]
    prompts = folder / "prompts.jsonl"
    if name == "sharpen":
        folder.mkdir(exist_ok=True)
        lines = [json.dumps({"prompt": f"{i} + {i} = "}) + "\n" for i in range(40)]
        # Every process writes it, under a name of its own first.
        own = folder / f"prompts-{os.environ.get('RANK', '0')}.jsonl"
        own.write_text("".join(lines), encoding="utf-8")
        own.replace(prompts)
    recipe = Recipe(
        **{
            "steps": 6,
            "length": 16,
            "rows": 2,
            "accumulate": 4,
            "optimizer": Optimizer(lr=1e-2, epsilon=1e-4),
            "schedule": Schedule(warmup=2),
            "log_every": 1,
            "evaluate_every": 3,
            "checkpoint_every": 2,
            "data": (str(prompts),) if name == "sharpen" else ("embedded",),
            **changed,
            **(recipe or {}),
        }
    )
    reader = transformer(Vocabulary.of_bytes(), **SMALL, **model)
    given = {"model": reader, "device": "cpu"}
    if recipe.kind == "align":
        given |= {"examples": pairs(), "validation": pairs(5)}
    elif recipe.kind != "sharpen":
        given |= {"tokens": texts(), "validation": texts(5)}
    given |= more
    return run(recipe, folder=folder / name.replace(" ", "-"), **given)


def stopped(folder, name):
    """The same run, stopped by Ctrl-C on one process, and gone on with."""

    def ask(row):
        if row["step"] == 3 and "loss" in row:
            os.kill(os.getpid(), signal.SIGINT)

    try:
        go(folder, name, progress=ask)
    except Interrupted as problem:
        return [problem.step, go(folder, name, resume=True).step]


def refused(folder, **more):
    try:
        go(folder, "adamw", **more)
    except LikelyError as problem:
        return str(problem)


def main(folder):
    found = {}
    for name, (wrapper, _, _) in CASES.items():
        os.environ["ACCELERATE_USE_FSDP"] = str(wrapper == "FSDP2").lower()
        reader = transformer(Vocabulary.of_bytes(), **SMALL, **CASES[name][2])
        go(folder, name, model=reader)
        parts = [p.to_local() if hasattr(p, "to_local") else p for p in reader.parameters()]
        found[name] = sum(part.numel() for part in parts)  # What this process holds.
    os.environ["ACCELERATE_USE_FSDP"] = "true"
    found["stopped"] = stopped(folder / "stopped", "adamw")
    found["muon"] = refused(folder / "muon", recipe={"optimizer": Optimizer("muon")})
    found["on_step"] = refused(folder / "on_step", on_step=lambda step, reader: None)
    os.environ["FSDP_VERSION"] = "1"
    found["version 1"] = refused(folder / "one")
    if torch.distributed.get_rank() == 0:
        (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    os.environ["FSDP_VERSION"] = "2"
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
