"""The ways into training from the command line: text alone, a recipe, a run, or counting."""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from likely.apps import _first_run, _outcome
from likely.apps._console import is_first, messages, print_json, results
from likely.apps._own_text import Texts, texts_of
from likely.core.errors import BadSetting
from likely.core.settings import check, parse
from likely.models.ngram import ngram
from likely.train import _setup
from likely.train._check import build
from likely.train._first import from_first
from likely.train._share import share
from likely.train.loop import run
from likely.train.progress import Bar
from likely.train.recipe import Recipe, load_recipe
from likely.train.run import Run, read_run

_WHERE = "likely train"
_ABOUT_TEXT = ("data", "field", "on_error", "tokenizer")


@dataclass(frozen=True)
class Order:
    """What was asked for.

    Args:
        given: fields of the recipe that were given by options.
        minutes: of training at most.
        out: folder of the run; None for one under `runs/`.
        device: `cpu`, or None for the best.
        json: whether to print JSON.
    """

    given: Mapping[str, Any]
    minutes: float | None
    out: Path | None
    device: str | None
    json: bool


def from_text(order: Order) -> None:
    """Choose sizes for the text that was given, and train.

    Args:
        order: what was asked for.
    """
    accelerator = _setup.processes(order.device)
    recipe = _first_run.checked(order.given, accelerator.num_processes)
    _need_text(order)
    folder = _free_folder(order, recipe.data)
    accelerator = _setup.processes(order.device)
    texts = texts_of(recipe, folder, accelerator)
    choice = _first_run.choose(
        order.given, texts.train, texts.validation, order.minutes, accelerator
    )
    for line in (*choice.why, f"Folder: {folder}"):
        messages().print(line)
    _train(choice.recipe, folder, texts, order, resume=False)


def from_recipe(path: Path, order: Order) -> None:
    """Train what a recipe says, with the options that were given.

    Args:
        path: of the recipe.
        order: what was asked for.
    """
    base = asdict(load_recipe(path))
    given = dict(order.given)
    tuned = given.pop("optimizer", {})
    if tuned.get("name", base["optimizer"]["name"]) != base["optimizer"]["name"]:
        kept = ("clip",)
        base["optimizer"] = {name: base["optimizer"][name] for name in kept}
    base["optimizer"] = {**base["optimizer"], **tuned}
    recipe = build({**base, **given}, f"{path} with the options given")
    share(recipe, _setup.processes(order.device).num_processes)
    folder = _free_folder(order, recipe.data)
    texts = texts_of(recipe, folder, _setup.processes(order.device))
    messages().print(f"Folder: {folder}")
    _train(recipe, folder, texts, order, resume=False)


def go_on(folder: Path, order: Order) -> None:
    """Go on with a run.

    Args:
        folder: of the run.
        order: what was asked for.

    Raises:
        BadSetting: there is no run.
    """
    if not (folder / "recipe.toml").is_file():
        raise BadSetting(
            _WHERE, [f"{folder} holds no run (no recipe.toml in it): name the --out of one."]
        )
    done = read_run(folder)
    if done.finished:
        messages().print(f"This run is finished: it took all its {done.recipe.steps} steps.")
        _report(done, None, order)
        return
    texts = texts_of(done.recipe, folder, _setup.processes(order.device))
    _train(done.recipe, folder, texts, order, resume=True)


def count(order: Order) -> None:
    """Count an n-gram and save it.

    Args:
        order: what was asked for.

    Raises:
        BadSetting: options that only training knows.
    """
    _, given = parse(order.given["model"])
    settings = check("Model 'ngram'", ngram, given)
    text = {name: value for name, value in order.given.items() if name in _ABOUT_TEXT}
    more = [f"--{name}" for name in order.given if name not in ("model", "seed", *text)]
    more += ["--minutes"] if order.minutes is not None else []
    if more:
        raise BadSetting(
            _WHERE, [f"An n-gram is counted in one go, so it goes without {', '.join(more)}."]
        )
    _need_text(order)
    recipe = build(text, _WHERE)
    folder = _free_folder(order, recipe.data)
    texts = texts_of(recipe, folder, _setup.processes(order.device))
    model = ngram(texts.train, texts.validation, **settings)
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model")
    said = _outcome.outcome(model, texts)
    if order.json:
        print_json({"folder": str(folder), "parameters": model.parameters_count, "held_out": said})
        return
    results().print(f"Counted {model.parameters_count:,} sequences of up to {model.order} tokens.")
    _outcome.tell(said, texts, results())
    _outcome.next_commands(folder, texts, results())


def _train(recipe: Recipe, folder: Path, texts: Texts, order: Order, *, resume: bool) -> None:
    with Bar("train", messages()) as bar:
        done = run(
            recipe,
            folder=folder,
            tokens=texts.train,
            validation=texts.validation,
            resume=resume,
            device=order.device,
            progress=bar,
        )
    _report(done, texts, order)


def _report(done: Run, texts: Texts | None, order: Order) -> None:
    """What came of a run, by the first process."""
    if not is_first():
        return
    last = dict(done.evaluation or done.metrics[-1])
    said = None if texts is None else _outcome.outcome(done.model, texts)
    if order.json:
        print_json({"folder": str(done.folder), **last, **({"held_out": said} if said else {})})
        return
    if said is None or texts is None:
        shown = ", ".join(
            f"{name.replace('_', ' ')} {last[name]:.4f}"
            for name in ("loss", "bits_per_byte", "perplexity", "accuracy")
            if name in last
        )
        results().print(f"Step {last['step']}: {shown}")
        results().print(f"The model is in {done.folder}; try: likely generate {done.folder}")
        return
    _outcome.warn(done, results())
    _outcome.tell(said, texts, results())
    _outcome.next_commands(done.folder, texts, results())


def _need_text(order: Order) -> None:
    if "data" not in order.given:
        raise BadSetting(
            _WHERE,
            [
                "No text was given: likely train --data notes/*.md trains on your files, and "
                "likely train --data embedded on Python's own library."
            ],
        )


def _free_folder(order: Order, data: tuple[str, ...]) -> Path:
    """Where the run goes: what was asked for, else the first free name under `runs/`."""
    return from_first(_setup.processes(order.device), lambda: _checked(order.out or _free(data)))


def _checked(folder: Path) -> Path:
    """The folder itself; raises before anything slow is done where it cannot hold a new run."""
    if (folder / "recipe.toml").is_file():
        raise BadSetting(
            str(folder), ["There is a run already. Go on with --resume, or give another --out."]
        )
    if (folder / "model").exists():
        raise BadSetting(str(folder), ["There is a model already: give another --out."])
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise BadSetting(str(folder), [f"{existing} is a file: give another --out."])
    if not os.access(existing, os.W_OK | os.X_OK):
        raise BadSetting(str(folder), [f"{existing} cannot be written to: give another --out."])
    return folder


def _free(data: tuple[str, ...]) -> Path:
    stem = name_of(data)
    taken = {path.name for path in Path("runs").glob(f"{stem}-*")}
    number = next(n for n in range(1, len(taken) + 2) if f"{stem}-{n}" not in taken)
    return Path("runs") / f"{stem}-{number}"


def name_of(data: tuple[str, ...]) -> str:
    """A short name for a text: that of its file, or of the folder that its files lie in.

    Args:
        data: paths, patterns or `embedded`.

    Returns:
        Letters, digits, dots, hyphens and underscores.

    Example:
        >>> name_of(("notes/a.md", "notes/b.md")), name_of(("tale.txt",)), name_of(("a/*.md",))
        ('notes', 'tale', 'a')
    """
    first = Path(data[0].split("://")[-1])
    several = len(data) > 1 or "*" in first.name
    if several and data[0] != "embedded":
        first = first.parent
    name = first.stem if first.suffix else first.resolve().name
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "text"
