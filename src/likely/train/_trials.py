"""One trial: an arm of a claim with one seed, done in a worker and kept at once and whole.

Nothing here imports torch, so that a worker begins quickly; what a trial imports is its own affair.
"""

import hashlib
import json
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from likely.core.catalogue import catalogue, get, module_of
from likely.core.disk import write_whole
from likely.core.errors import LikelyError, did_you_mean, first_line
from likely.core.settings import check
from likely.train._measures import plain

FORMAT = 1


@dataclass(frozen=True)
class Trial:
    """What a worker is asked to do.

    Args:
        entry: of `train.trials`.
        arm: the first arm that needs it.
        seed: of everything.
        settings: every setting, defaults too.
        path: where its result goes.
        code: fingerprint of the source that it is to be done with.
        measures: what it must return.
    """

    entry: str
    arm: str
    seed: int
    settings: Mapping[str, Any]
    path: Path
    code: str
    measures: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """How messages call it."""
        return f"Trial {self.entry!r}, arm {self.arm!r}, seed {self.seed}"


def place(folder: Path, entry: str, settings: Mapping[str, Any], seed: int, code: str) -> Path:
    """Where the result of a trial lies: a name that changes with anything it depends on.

    Args:
        folder: of the trials of a claim.
        entry: of `train.trials`.
        settings: every setting.
        seed: of everything.
        code: fingerprint of the source.

    Returns:
        The path.
    """
    said = json.dumps([FORMAT, entry, settings, seed, code], sort_keys=True)
    return folder / f"{hashlib.sha256(said.encode()).hexdigest()[:24]}.json"


def fingerprint(entry: str) -> str:
    """Changes with any line of the source a trial could run, and with the libraries below it.

    The command line lies above trials and cannot change what they find, so it does not count.

    Args:
        entry: of `train.trials`.

    Returns:
        Sixteen hexadecimal digits.
    """
    package = Path(__file__).parents[1]
    paths = {path.relative_to(package).as_posix(): path for path in package.rglob("*.py")}
    if not catalogue("train.trials")[entry].startswith("likely."):
        paths["trial"] = Path(str(module_of("train.trials", entry).__file__))
    found = hashlib.sha256(_versions().encode())
    for name, path in sorted(paths.items()):
        if not name.startswith("apps/"):
            found.update(f"{name}\0".encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:16]


@cache
def _versions() -> str:
    said = [f"python {sys.version_info[:2]}"]
    for name in ("numpy", "scipy", "tokenizers", "torch", "transformers"):
        try:
            said.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            said.append(f"{name} none")
    return ", ".join(said)


def read(path: Path) -> dict[str, Any] | None:
    """What a trial found.

    Args:
        path: where it would lie.

    Returns:
        `measures` and `cpu_seconds`, among others; None where it has not been done.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if found["format"] == FORMAT and found["measures"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # Not there, or damaged: it is done again.


def run_unit(unit: Sequence[Trial]) -> str:
    """Do trials one after the other; what is done stays, whatever comes after.

    Args:
        unit: trials that share a seed, and with it what they have prepared.

    Returns:
        What went wrong, in a sentence; empty where nothing did.
    """
    for trial in unit:
        try:
            run_trial(trial)
            missing = lacking(trial, read(trial.path) or {})
        except LikelyError as problem:
            missing = f"{trial.where}: {problem}"
        except Exception as problem:  # Of any kind: a trial may be anybody's.
            missing = f"{trial.where} stopped at {_place(problem)}: {_said(problem)}"
        if missing:
            return missing
    return ""


def run_trial(trial: Trial) -> None:
    """Do one trial and write what it found.

    Args:
        trial: what to do.

    Raises:
        LikelyError: it found something else than finite numbers, or the source changed meanwhile.
    """
    entry = get("train.trials", trial.entry)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    settings = check(trial.where, entry, trial.settings)  # JSON knows lists, entries tuples too.
    wall, begin = time.perf_counter(), time.process_time()
    found = plain(entry(trial.seed, **settings))
    spent, wall = time.process_time() - begin, time.perf_counter() - wall
    if fingerprint(trial.entry) != trial.code:
        raise LikelyError(
            "the source of likely changed while this ran, so it does not count. Leave the files "
            "alone and give the command again."
        )
    kept = {
        "format": FORMAT,
        "trial": trial.entry,
        "settings": trial.settings,
        "seed": trial.seed,
        "code": trial.code,
        "measures": found,
        "cpu_seconds": spent,
        "wall_seconds": wall,
    }
    write_whole(trial.path, json.dumps(kept, indent=1, allow_nan=False) + "\n")


def lacking(trial: Trial, found: Mapping[str, Any]) -> str:
    """Whether a trial returned what the claim asks it for.

    Args:
        trial: with the measures that are wanted.
        found: what it wrote.

    Returns:
        A sentence about the first measure that is missing; empty where none is.
    """
    have = found.get("measures", {})
    for name in trial.measures:
        if name not in have:
            near = did_you_mean(name, have)
            return (
                f"{trial.where}: the claim asks for the measure {name!r}, and the trial returns "
                f"none of that name.{near} There are: {', '.join(have)}."
            )
    return ""


def _place(problem: BaseException) -> str:
    """File and line of the last frame that is no library of others, as far as that is known."""
    frames = traceback.extract_tb(problem.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename]
    last = (own or frames)[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"


def _said(problem: BaseException) -> str:
    text = first_line(problem)
    kind = type(problem).__name__
    return f"{text}." if text == kind else f"{kind}: {text}."
