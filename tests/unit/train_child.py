"""A run in a process of its own, to be killed or joined: FOLDER ACCUMULATE DROPOUT PAUSE CHOOSE."""

import sys
import time
from pathlib import Path

import torch
from torch import nn

from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.tokens import encode
from likely.models.feed_forward import FeedForward
from likely.train.loop import run
from likely.train.recipe import Recipe, Schedule


class Forgetful(FeedForward):
    def __init__(self, dropout):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            super().__init__(Vocabulary.of_bytes(), 3, 4, 8, False)
        self.dropout = nn.Dropout(dropout)

    def _states(self, last):
        return self.dropout(super()._states(last))


def texts():
    words = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "hex", "it")
    lines = [" ".join(words[i % 5 :: 1 + i % 3]) * (1 + i % 4) for i in range(30)]
    documents = tuple(Document(str(i), line) for i, line in enumerate(lines))
    return encode(Corpus("tiny", documents), Vocabulary.of_bytes())


def recipe(accumulate=1, **more):
    return Recipe(
        **{
            "objective": "goldfish(k=3, context=2)",
            "steps": 60,
            "length": 16,
            "rows": 2,
            "accumulate": accumulate,
            "schedule": Schedule(warmup=5),
            "log_every": 1,
            "checkpoint_every": 7,
            "also": ("entropy",),
            **more,
        }
    )


def go(folder, accumulate=1, dropout=0.0, pause=0.0, **more):
    return run(
        recipe(accumulate),
        folder=folder,
        model=Forgetful(dropout),
        tokens=texts(),
        device="cpu",
        on_step=lambda step, reader: time.sleep(pause),
        **more,
    )


def surprising(batch, stats):
    """Tokens that surprise count, more so the more they do; the others do not."""
    return (-stats["log_prob"] - 4.0).clamp(min=0.0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    _, folder, accumulate, dropout, pause, chosen = sys.argv
    choose = surprising if chosen == "surprising" else None
    go(Path(folder), int(accumulate), float(dropout), float(pause), choose=choose, resume=True)
