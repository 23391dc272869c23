"""Claims about nothing, with a trial of pure arithmetic that an entry point brings along."""

import sys
import textwrap

from likely.core.catalogue import catalogue

TRIAL = '''
import os, random, time

from likely.core.errors import BadSetting


def toy(seed: int, *, shift: float = 0.0, noise: float = 0.1, rate: float = 1.0,
        pause: float = 0.0, documents: int = 4, wrong: str = "", log: str = ""):
    """Draw numbers; the first part is the same in every arm of a seed."""
    if log:
        with open(log, "a") as file:
            file.write(f"{seed} {shift} {rate}\\n")
    time.sleep(pause)
    if wrong == "setting" and seed == 1:
        raise BadSetting("toy", ["a made up problem."])
    if wrong == "bug" and seed == 1:
        raise ZeroDivisionError("a bug\\nin two lines")
    if wrong == "killed" and seed == 1:
        os._exit(9)
    shared, own = random.Random(seed), random.Random(f"{seed} {shift}")
    first = [shared.gauss(0, 1) for _ in range(documents)]
    score = [one + shift + own.gauss(0, noise) for one in first]
    if wrong == "documents" and shift:
        score = score[1:]
    loss = float("nan") if wrong == "nan" and seed == 1 else (rate - 0.3 - shift) ** 2
    return {"score": score, "loss": loss, "seed": seed}
'''

CLAIM = """
claim = "A shift of a half is found."
title = "Toys"
source = "Nobody, 2020, arXiv:2001.00001, section 1"
entry = "objectives.goldfish"
trial = "toy"
data = "numbers that are drawn"
seeds = 6
cpu_minutes = 0.5
note = "Only a toy."
[settings]
noise = 0.2
[arms.plain]
about = "no shift"
[arms.shifted]
about = "a shift"
shift = 0.5
[fast]
seeds = 5
settings.documents = 2
[[decisions]]
says = "the shifted arm scores more than a quarter higher"
measure = "score"
arm = "shifted"
against = "plain"
side = "above"
margin = 0.25
"""

TUNING = """
[tuning]
grid.rate = [1.0, 0.3, 0.8]
measure = "loss"
best = "lowest"
seeds = [1000, 1001]
"""


def install(folder, monkeypatch=None):
    """A package with the trial `toy`; found in this process where `monkeypatch` is given."""
    about = folder / "toys-0.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text("[likely.train.trials]\ntoy = toy_trial:toy\n")
    (folder / "toy_trial.py").write_text(textwrap.dedent(TRIAL))
    if monkeypatch is not None:
        monkeypatch.syspath_prepend(str(folder))
        catalogue.cache_clear()
    return folder


def forget():
    """What `install` did to this process."""
    catalogue.cache_clear()
    sys.modules.pop("toy_trial", None)


def write(folder, name="7_toy", text=CLAIM, **changes):
    """A claim file; changes replace `key = value` lines, or come first where there is none."""
    for key, value in changes.items():
        lines = text.splitlines()
        found = [i for i, line in enumerate(lines) if line.startswith(f"{key} = ")]
        at = found[0] if found else 0
        lines[at : at + bool(found)] = [f"{key} = {value}"]
        text = "\n".join(lines) + "\n"
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path
