"""Studies that take seconds: a text of drawn words, the smallest transformer, no processes."""

import random

import torch
from accelerate import Accelerator

from likely.core.errors import LikelyError
from likely.train import _study_job
from likely.train import compare as module
from likely.train._crew import Crew
from likely.train._study_check import build
from likely.train._trials import run_unit

WORDS = ["cat", "dog", "sat", "on", "the", "mat", "ran", "to", "a", "house", "and", "then"]
MODEL = "transformer(layers=1,width=8,heads=2,context=16)"


class Inside(Crew):
    """Does units in this process, as a crew does them in others."""

    def run(self, units, look):
        for unit in units:
            if problem := run_unit(unit):
                raise LikelyError(problem)
            look()


def stay_inside(monkeypatch):
    """No worker is hired; the threads of this process are as before when the test ends."""
    threads = torch.get_num_threads()
    monkeypatch.setattr(module, "Crew", Inside)
    monkeypatch.setattr(_study_job, "MEASURED", 0.0)
    # Half of a tiny training would be spent on collecting the garbage of a test process.
    monkeypatch.setattr(Accelerator, "free_memory", lambda self, *objects: objects)
    return lambda: torch.set_num_threads(threads)


def text(folder, name="text.txt", documents=40, seed=0):
    """A file of short paragraphs."""
    draw = random.Random(seed)
    lines = [" ".join(draw.choice(WORDS) for _ in range(30)) + "." for _ in range(documents)]
    path = folder / name
    path.write_text("\n\n".join(lines))
    return path


def plain(path, **changes):
    """A study as plain data."""
    recipe = {
        "model": MODEL,
        "length": 16,
        "rows": 2,
        "data": [str(path)],
        "schedule": {"warmup": 0.1},
        "optimizer": {"lr": 0.01},
    }
    return {
        "recipe": recipe,
        "arms": {"cross_entropy": "cross_entropy", "focal": "focal"},
        "baseline": "cross_entropy",
        "seeds": 5,
        "tuning": {"trials": 3},
        "budget": {"unit": "tokens", "amount": 320.0},
        **changes,
    }


def study(path, **changes):
    """The same as a study."""
    return build(plain(path, **changes), "study")
