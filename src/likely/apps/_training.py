"""The ways into training from the command line: text alone, a recipe, a run, or counting."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from likely.apps import _first_run, _outcome
from likely.apps._console import is_first, messages, print_json, program, results
from likely.apps._half_time import HalfTime, half_time
from likely.apps._own_text import Texts, texts_of
from likely.apps._run_folder import folder_of
from likely.apps._run_report import write_run_report
from likely.core.errors import BadSetting
from likely.core.settings import check, parse
from likely.models.ngram import ngram
from likely.train import _setup
from likely.train._check import build
from likely.train._kinds import FROM_EXAMPLES
from likely.train._share import share
from likely.train.loop import run
from likely.train.progress import Bar
from likely.train.recipe import OBJECTIVES, Optimizer, Recipe, gentle_rate, load_recipe
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
        forecast: whether the final loss is forecast on the way.
    """

    given: Mapping[str, Any]
    minutes: float | None
    out: Path | None
    device: str | None
    json: bool
    forecast: bool = True


def from_text(order: Order) -> None:
    """Choose sizes for the text that was given, and train.

    Args:
        order: what was asked for.
    """
    accelerator = _setup.processes(order.device)
    recipe = _first_run.checked(order.given, accelerator.num_processes)
    _need_text(order)
    folder = folder_of(order.out, recipe.data, accelerator)
    texts = texts_of(recipe, folder, accelerator)
    choice = _first_run.choose(
        order.given, texts.train, texts.validation, order.minutes, accelerator
    )
    for line in (*choice.why, f"Folder: {folder}"):
        messages().print(line)
    train(choice.recipe, folder, texts, order, resume=False)


def from_recipe(path: Path, order: Order) -> None:
    """Train what a recipe says, with the options that were given.

    Args:
        path: of the recipe.
        order: what was asked for.
    """
    base = asdict(load_recipe(path))
    given = dict(order.given)
    for table in ("lora", "rollouts", "roles"):
        base[table] = {**base[table], **given.pop(table, {})}
    if given.get("kind", base["kind"]) != base["kind"]:
        _forget(base, given)
    tuned = given.pop("optimizer", {})
    if tuned.get("name", base["optimizer"]["name"]) != base["optimizer"]["name"]:
        kept = ("clip",)
        base["optimizer"] = {name: base["optimizer"][name] for name in kept}
    base["optimizer"] = {**base["optimizer"], **tuned}
    recipe = build({**base, **given}, f"{path} with the options given")
    accelerator = _setup.processes(order.device)
    share(recipe, accelerator.num_processes)
    folder = folder_of(order.out, recipe.data, accelerator)
    if recipe.kind in FROM_EXAMPLES:
        messages().print(f"Folder: {folder}")
        train(recipe, folder, None, order, resume=False)
        return
    texts = texts_of(recipe, folder, accelerator)
    messages().print(f"Folder: {folder}")
    train(recipe, folder, texts, order, resume=False)


def _forget(base: dict[str, Any], given: Mapping[str, Any]) -> None:
    """What a recipe has because of its kind goes with it."""
    if "objective" not in given and base["objective"] == OBJECTIVES[base["kind"]]:
        del base["objective"]
    rates = (gentle_rate(base["kind"], base["start"], base["lora"]["rank"]), Optimizer().lr)
    if base["optimizer"]["name"] == "adamw" and base["optimizer"]["lr"] in rates:
        del base["optimizer"]["lr"]


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
    accelerator = _setup.processes(order.device)
    from_examples = done.recipe.kind in FROM_EXAMPLES
    texts = None if from_examples else texts_of(done.recipe, folder, accelerator)
    train(done.recipe, folder, texts, order, resume=True)


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
        words = ", ".join(more).replace("--optimizer", "--optimizer or --lr").replace("_", "-")
        raise BadSetting(
            _WHERE, [f"An n-gram is counted in one go, so leave these options out: {words}."]
        )
    _need_text(order)
    recipe = build(text, _WHERE)
    accelerator = _setup.processes(order.device)
    folder = folder_of(order.out, recipe.data, accelerator)
    texts = texts_of(recipe, folder, accelerator)
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


def train(recipe: Recipe, folder: Path, texts: Texts | None, order: Order, *, resume: bool) -> None:
    """Run a recipe with a bar, and report.

    Args:
        recipe: complete.
        folder: of the run.
        texts: what it reads; None where it reads that itself.
        order: what was asked for.
        resume: whether it goes on.
    """
    with Bar("train", messages()) as bar:
        done = run(
            recipe,
            folder=folder,
            tokens=texts.train if texts else None,
            validation=texts.validation if texts else None,
            resume=resume,
            device=order.device,
            progress=bar,
            forecast=order.forecast,
        )
    _report(done, texts, order)


def _report(done: Run, texts: Texts | None, order: Order) -> None:
    """What came of a run, by the first process."""
    if not is_first():
        return
    last = dict(done.evaluation or done.metrics[-1])
    said = None if texts is None else _outcome.outcome(done.model, texts)
    half = half_time(done)
    page = done.folder / "report.html"
    if texts is not None:
        write_run_report(done.folder, validation=texts.parts.validation, reader=done.model)
    elif not page.is_file():
        write_run_report(done.folder)
    if order.json:
        more = {"held_out": said} if said else {}
        more |= {"half_time": asdict(half)} if half else {}
        print_json({"folder": str(done.folder), **last, **more})
        return
    if done.metrics[0].get("warning"):
        messages().print(done.metrics[0]["warning"], style="yellow")
    if said is None or texts is None:
        shown = ", ".join(
            f"{name.replace('_', ' ')} {last[name]:.4f}"
            for name in ("loss", "bits_per_byte", "perplexity", "accuracy", "preferred")
            if name in last
        )
        results().print(f"Step {last['step']}: {shown}")
        _tell_half(half)
        results().print(f"The model is in {done.folder}; try: {program()} generate {done.folder}")
        return
    _outcome.warn(done, results())
    _outcome.tell(said, texts, results())
    _tell_half(half)
    results().print(f"Report: {page}", style="bold")
    _outcome.next_commands(done.folder, texts, results())


def _tell_half(half: HalfTime | None) -> None:
    if half is not None:
        results().print(f"Forecast at half time: {half}")


def _need_text(order: Order) -> None:
    if "data" not in order.given:
        raise BadSetting(
            _WHERE,
            [
                "No text was given: likely train --data notes/*.md trains on your files, and "
                "likely train --data embedded on Python's own library."
            ],
        )
