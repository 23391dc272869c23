"""Training with the gradient filter on and off: the same curve, within what a seed changes.

A small transformer on the embedded corpus, its head's products in bfloat16 by the Triton backend
(in its interpreter where there is no GPU), for every seed once exact and once with
`filter_eps="auto"`. Both arms of a seed see the same text in the same order from the same weights.

    TRITON_INTERPRET=1 python -m benchmarks.filter_curve
    TRITON_INTERPRET=1 python -m benchmarks.filter_curve --optimizer sgd --out …_sgd.json
"""

import argparse
import json
import platform
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from likely.audit.seeds import summary
from likely.core.batch import Batch
from likely.core.head import Head
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.embedded import embedded
from likely.data.tokenizers.bpe import bpe
from likely.models.transformer import transformer
from likely.vocab._triton import _choose, _products
from likely.vocab.scan import scan

RESULT = Path(__file__).parent / "results" / "filter_curve.json"
TILE = _choose.Tile(128, 128, 64, 1, 1)
"""Larger than the tests' tile: the interpreter takes as long for a small one."""
ROWS = 4
"""Of 32 tokens, in each step."""
LAST = 50
"""Steps at the end whose losses are averaged."""


def tokens(words: int) -> tuple[torch.Tensor, Vocabulary]:
    """Ids of some of the embedded corpus, and their vocabulary.

    Args:
        words: V.
    """
    corpus = Corpus("some", tuple(embedded())[:200])
    vocabulary = bpe(corpus, size=words)
    return torch.cat([torch.tensor(vocabulary.encode(one.text)) for one in corpus]), vocabulary


class Kept:
    """Counts the tiles that a filter keeps, of all."""

    def __init__(self) -> None:
        self.kept = self.all = 0
        self.plain = _products._lists

    def __call__(self, live: torch.Tensor) -> Any:
        """In place of what lists them."""
        self.kept += int(live.sum())
        self.all += live.numel()
        return self.plain(live)


OPTIMIZERS = {
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=3e-3, weight_decay=0.0),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.3, momentum=0.9),
}


def curve(
    seed: int,
    eps: str | None,
    ids: torch.Tensor,
    vocabulary: Vocabulary,
    steps: int,
    optimizer: str,
) -> dict[str, Any]:
    """The losses of one training.

    Args:
        seed: of weights and order.
        eps: of the filter.
        ids: the text.
        vocabulary: of its tokens.
        steps: how many.
        optimizer: of `OPTIMIZERS`.
    """
    model = transformer(vocabulary, layers=1, width=64, heads=4, context=32, seed=seed)
    takes_steps = OPTIMIZERS[optimizer](model.parameters())
    order = torch.Generator().manual_seed(seed)
    counted = Kept()
    _products._lists = counted
    losses = []
    for _ in range(steps):
        starts = torch.randint(len(ids) - 33, (ROWS,), generator=order)
        rows = torch.stack([ids[s : s + 33] for s in starts])
        batch = Batch.of(rows[:, :-1], rows[:, 1:])
        hidden, head = model.hidden(batch)
        narrow = Head(head.weight.bfloat16())
        found = scan(
            hidden.bfloat16(), narrow, batch.target, {"log_prob"}, backend="triton", filter_eps=eps
        )
        loss = -found["log_prob"].mean()
        takes_steps.zero_grad()
        loss.backward()
        takes_steps.step()
        losses.append(round(float(loss.detach()), 6))
    _products._lists = counted.plain
    dropped = 1 - counted.kept / counted.all if counted.all else 0.0
    return {"losses": losses, "dropped": round(dropped, 4)}


def verdict(found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """How far the curves are apart, beside how far seeds are.

    Args:
        found: curves of both arms, in the order of seeds.
    """
    exact, kept = ([one["losses"] for one in found[arm]] for arm in ("exact", "filtered"))
    ends = [statistics.mean(one[-LAST:]) for one in exact]
    apart = [
        statistics.mean(b[-LAST:]) - statistics.mean(a[-LAST:])
        for a, b in zip(exact, kept, strict=True)
    ]
    by_step = [
        max(abs(a[i] - b[i]) for a, b in zip(exact, kept, strict=True))
        for i in range(len(exact[0]))
    ]
    over_seeds = summary(apart)
    return {
        "final_loss": round(statistics.mean(ends), 4),
        "seed_deviation": round(statistics.stdev(ends), 5),
        "difference": round(over_seeds.mean, 6),
        "difference_low": round(over_seeds.low, 6),
        "difference_high": round(over_seeds.high, 6),
        "largest_at_a_step": round(max(by_step), 5),
        "dropped": round(statistics.mean(one["dropped"] for one in found["filtered"]), 4),
    }


def in_lines(result: dict[str, Any]) -> str:
    """JSON with one line a curve.

    Args:
        result: what is written.
    """
    rest = json.dumps({k: v for k, v in result.items() if k != "curves"}, indent=1)[:-2]
    arms = (
        f'  "{arm}": [\n' + ",\n".join(f"   {json.dumps(one)}" for one in curves) + "\n  ]"
        for arm, curves in result["curves"].items()
    )
    return rest + ',\n "curves": {\n' + ",\n".join(arms) + "\n }\n}\n"


def main() -> None:
    """Train, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--words", type=int, default=4096)
    parser.add_argument("--optimizer", choices=list(OPTIMIZERS), default="adamw")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    _choose.TINY = (TILE,)
    ids, vocabulary = tokens(given.words)
    found: dict[str, list[dict[str, Any]]] = {"exact": [], "filtered": []}
    began = time.time()
    for seed in range(given.seeds):
        for arm, eps in (("exact", None), ("filtered", "auto")):
            found[arm].append(curve(seed, eps, ids, vocabulary, given.steps, given.optimizer))
        print(f"seed {seed}: {time.time() - began:.0f} s, {found['filtered'][-1]['dropped']:.0%}"
              " of the tiles dropped", flush=True)  # fmt: skip
    result = {
        "format": 1,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": platform.processor() or platform.machine(),
        "device": "the interpreter" if _choose.interpreted() else torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "setting": {
            "optimizer": given.optimizer,
            "steps": given.steps,
            "tokens": 32 * ROWS,
            "words": given.words,
            "width": 64,
        },
        "verdict": verdict(found),
        "curves": found,
    }
    given.out.write_text(in_lines(result), encoding="utf-8")
    print(json.dumps(result["verdict"], indent=1))


if __name__ == "__main__":
    main()
