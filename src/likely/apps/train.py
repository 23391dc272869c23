"""`likely train`: one run from a recipe, from options, or both."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from likely.apps._console import messages, print_json, results, tell_skipped
from likely.core.errors import BadSetting

if TYPE_CHECKING:
    from likely.train.recipe import Recipe


def train_model(
    recipe: Path | None = None,
    *,
    data: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    field: str | None = None,
    on_error: Literal["raise", "skip"] | None = None,
    tokenizer: str | None = None,
    model: str | None = None,
    objective: str | None = None,
    steps: int | None = None,
    rows: int | None = None,
    length: int | None = None,
    lr: float | None = None,
    optimizer: str | None = None,
    precision: str | None = None,
    seed: int | None = None,
    out: Path | None = None,
    resume: Path | None = None,
    device: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Train one model.

    What is given here wins over the recipe, and what neither says has its default. The folder OUT
    then holds recipe.toml, metrics.jsonl, checkpoints/ and model/. Ctrl-C saves a checkpoint;
    `likely train --resume OUT` goes on from it.

    Args:
        recipe: a TOML file, such as the recipe.toml of a run.
        data: files, folders, patterns or addresses of text, several after one another;
            `embedded` is Python's own standard library, and the default.
        field: the field or column that holds the text: text, if not said otherwise.
        on_error: skip what cannot be read, and list it; raise, the default, stops there.
        tokenizer: how text becomes ids, such as "bpe(size=1000)"; bytes, if not said otherwise.
            `likely list data.tokenizers` shows all.
        model: a model with its settings, such as "transformer(layers=2)". `likely list models`
            shows all.
        objective: a loss with its settings, such as "focal(gamma=2)". `likely list objectives`
            shows all.
        steps: optimiser steps.
        rows: windows of a step.
        length: tokens of a window.
        lr: the highest learning rate.
        optimizer: adamw, or muon for the matrices inside the network.
        precision: float32, or bfloat16 for forward passes.
        seed: of the data order, the model's start and everything else that is drawn.
        out: folder of the run; must not hold one yet.
        resume: folder of a run to go on with; nothing else is needed then.
        device: cpu; left out, the best there is.
        json: print the last evaluation as JSON.
    """
    named: dict[str, Any] = {
        "data": data or None,
        "field": field,
        "on_error": on_error,
        "tokenizer": tokenizer,
        "model": model,
        "objective": objective,
        "steps": steps,
        "rows": rows,
        "length": length,
        "precision": precision,
        "seed": seed,
    }
    given = {name: value for name, value in named.items() if value is not None}
    chosen_optimizer = {"name": optimizer, "lr": lr}
    if optimizer is not None or lr is not None:
        given["optimizer"] = {k: v for k, v in chosen_optimizer.items() if v is not None}
    folder = _folder(recipe, out, resume, given)
    from likely.train.loop import run
    from likely.train.progress import Bar
    from likely.train.recipe import load_recipe

    chosen = load_recipe(folder / "recipe.toml") if resume else _recipe(recipe, given)
    with Bar("train", messages()) as bar:
        done = run(
            chosen,
            folder=folder,
            resume=resume is not None,
            device=device,
            progress=bar,
            on_corpus=lambda corpus: tell_skipped(corpus.skipped, len(corpus)),
        )
    last = dict(done.evaluation or done.metrics[-1])
    if json:
        print_json({"folder": str(folder), **last})
        return
    said = ", ".join(
        f"{name.replace('_', ' ')} {last[name]:.4f}"
        for name in ("loss", "bits_per_byte", "nats_per_token", "perplexity", "accuracy")
        if name in last
    )
    results().print(f"Step {last['step']}: {said}")
    results().print(f"The model is in {folder / 'model'}; try: likely generate {folder / 'model'}")


def _folder(
    recipe: Path | None, out: Path | None, resume: Path | None, given: Mapping[str, Any]
) -> Path:
    """Where the run goes."""
    where = "likely train"
    if resume is not None:
        more = ["a recipe"] if recipe is not None else []
        more += [f"--{name.replace('_', '-')}" for name in given if name != "optimizer"]
        options = {"name": "--optimizer", "lr": "--lr"}
        more += [options[name] for name in given.get("optimizer", {})]
        more += ["--out"] if out is not None else []
        if more:
            raise BadSetting(
                where,
                [
                    f"A run goes on as it began, so --resume goes without {', '.join(more)}: "
                    f"likely train --resume {resume}"
                ],
            )
        if not (resume / "recipe.toml").is_file():
            raise BadSetting(
                where, [f"{resume} holds no run (no recipe.toml in it): name the --out of one."]
            )
        return resume
    if out is None:
        raise BadSetting(where, ["Where to? Name a folder for the run, such as --out runs/first."])
    return out


def _recipe(path: Path | None, given: dict[str, Any]) -> "Recipe":
    """The recipe with what was given by options; every problem is told at once."""
    from dataclasses import asdict

    from likely.train._check import build
    from likely.train.recipe import load_recipe

    if path is None:
        if "steps" in given:
            given["schedule"] = {"warmup": min(50, max(given["steps"], 0) // 10)}
        return build(given, "likely train")
    base = asdict(load_recipe(path))
    base["optimizer"] |= given.pop("optimizer", {})
    return build({**base, **given}, f"{path} with the options given")
