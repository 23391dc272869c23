"""A run on disk: its folder, its recipe, what it logged and the model it ended with."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from likely.core.disk import write_whole
from likely.core.errors import BadInput
from likely.models.load import load
from likely.models.reader import Reader
from likely.train._metrics import read_rows
from likely.train.recipe import FORMAT, Recipe, load_recipe


@dataclass(frozen=True, eq=False)
class Run:
    """What a run left behind.

    Args:
        folder: where it lies: `recipe.toml`, `metrics.jsonl`, `checkpoints/`, `model/`,
            `environment.json`.
        recipe: what it was made from.
        metrics: rows of `metrics.jsonl`.
        environment: where it ran.
        reader: the model, where it is in memory already.
    """

    folder: Path
    recipe: Recipe
    metrics: tuple[Mapping[str, Any], ...]
    environment: Mapping[str, Any]
    reader: Reader | None = field(default=None, repr=False)

    @property
    def training(self) -> tuple[Mapping[str, Any], ...]:
        """Rows with a loss: step, tokens, seconds, lr, loss, gradient_norm, tokens_per_second."""
        return tuple(row for row in self.metrics if "loss" in row)

    @property
    def evaluations(self) -> tuple[Mapping[str, Any], ...]:
        """Rows on validation text: nats_per_token, bits_per_byte, perplexity, accuracy."""
        return tuple(row for row in self.metrics if "nats_per_token" in row)

    @property
    def forecasts(self) -> tuple[Mapping[str, Any], ...]:
        """Rows on the final loss: forecast, forecast_low, forecast_high, forecast_of."""
        return tuple(row for row in self.metrics if "forecast" in row)

    @property
    def evaluation(self) -> Mapping[str, Any] | None:
        """The last evaluation; None where there was no validation text."""
        return self.evaluations[-1] if self.evaluations else None

    @property
    def step(self) -> int:
        """Steps in its log."""
        return int(self.metrics[-1]["step"]) if self.metrics else 0

    @property
    def finished(self) -> bool:
        """Whether it went through all its steps and the model is there."""
        return self.step == self.recipe.steps and (self.folder / "model").is_dir()

    @property
    def model(self) -> Reader:
        """The model it ended with; read from disk where it is not in memory.

        Raises:
            BadInput: the run did not get that far.
        """
        if self.reader is not None:
            return self.reader
        if not self.finished:
            raise BadInput(
                f"{self.folder}: this run stopped at step {self.step} of {self.recipe.steps}, so "
                f"it has no model yet. Go on with: likely train --resume {self.folder}"
            )
        return load(self.folder / "model")


def read_run(folder: str | Path) -> Run:
    """Read a run, finished or not.

    Args:
        folder: what `run` wrote.

    Returns:
        The run; its model is read when asked for.

    Raises:
        BadInput: there is no run there, or it is damaged.
    """
    folder = Path(folder)
    if not (folder / "recipe.toml").is_file():
        raise BadInput(
            f"{folder} holds no run: there is no recipe.toml in it. Give the folder that "
            "`likely train` wrote (its --out)."
        )
    try:
        path = folder / "environment.json"
        environment = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        metrics = read_rows(folder)
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise BadInput(f"{folder}: this run is damaged: {problem}.") from problem
    return Run(folder, load_recipe(folder / "recipe.toml"), metrics, environment)


def environment() -> dict[str, Any]:
    """Where a run runs: versions and the kind of machine, neither its name nor any path."""
    return {
        "format": FORMAT,
        "likely": version("likely"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "system": platform.system(),
        "machine": platform.machine(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "git_commit": _commit(),
    }


def note_environment(folder: Path, step: int, choice: str | None = None) -> None:
    """Write `environment.json`, or add to it what is different when a run goes on.

    Args:
        folder: the run.
        step: steps taken before.
        choice: name of the function that weighs tokens, where there is one.
    """
    path, now = folder / "environment.json", environment()
    now |= {"choose": choice} if choice else {}
    try:
        first = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        write_whole(path, json.dumps(now, indent=1) + "\n")
        return
    changed = {
        key: [first.get(key), value] for key, value in now.items() if first.get(key) != value
    }
    if changed:
        first.setdefault("resumed", []).append({"step": step, "changed": changed})
        write_whole(path, json.dumps(first, indent=1) + "\n")


def _commit() -> str | None:
    """The commit of this package's own source, with a + where files differ from it."""
    here = Path(__file__).parents[1]

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(here), *words],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "train/run.py")
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.SubprocessError):
        return None
