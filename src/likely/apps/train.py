"""`likely train`: one run from nothing but text, from a recipe, from options, or from all three."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from likely.core.errors import BadSetting, did_you_mean

_WHERE = "likely train"
_SEVERAL = Parameter(consume_multiple=True, negative=(), show_default=False)


def train_model(
    recipe: Annotated[tuple[Path, ...], Parameter(show_default=False)] = (),
    /,
    *,
    kind: Literal["pretrain", "adapt", "align", "distil", "sharpen"] | None = None,
    data: Annotated[tuple[str, ...], _SEVERAL] = (),
    start: str | None = None,
    lora: int | None = None,
    teacher: str | None = None,
    reference: str | None = None,
    sidecars: Annotated[tuple[str, ...], _SEVERAL] = (),
    rollouts: int | None = None,
    field: str | None = None,
    on_error: Literal["raise", "skip"] | None = None,
    tokenizer: str | None = None,
    model: str | None = None,
    objective: str | None = None,
    objective_after: int | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    rows: int | None = None,
    length: int | None = None,
    accumulate: int | None = None,
    lr: float | None = None,
    optimizer: str | None = None,
    schedule: str | None = None,
    precision: str | None = None,
    seed: int | None = None,
    out: Path | None = None,
    resume: Path | None = None,
    device: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Train one model: `likely train --data notes/*.md`.

    Without a recipe, everything that is not given is chosen to suit the text and the machine, and
    said. With a recipe, what is given here wins over it. The folder OUT then holds recipe.toml,
    metrics.jsonl, checkpoints/ and model/. Ctrl-C saves a checkpoint; `likely train --resume OUT`
    goes on from it. `torchrun --nproc-per-node 2 -m likely train …` shares the windows of each
    step between two processes.

    `likely train --kind adapt --start MODEL --data answers.jsonl` trains a model on answers to
    prompts, `--kind align` on pairs of answers, `--kind distil --teacher MODEL` on what a teacher
    says of a text, `--kind sharpen` on what the model itself finds likeliest.

    Args:
        recipe: a TOML file, such as the recipe.toml of a run.
        kind: what is learned: text (pretrain), answers (adapt), preferences (align), a teacher
            (distil), or the model's own best answers (sharpen). pretrain, if not said otherwise.
        data: files, folders, patterns or addresses of text, several after one another;
            `embedded` is Python's own standard library. For adapt and align, JSONL or Parquet with
            prompt and completion, messages, or chosen and rejected; for sharpen, with prompt.
        start: a model to begin from: a folder or run, or hub:OWNER/NAME.
        lora: rank of low-rank adapters that are trained in place of all weights.
        teacher: a model in the role of teacher, for distil.
        reference: a model in the role of reference, for align; left out, the model as it starts.
        sidecars: folders that `likely measure` wrote of these data, in place of models in a role.
        rollouts: answers that sharpen draws to each prompt: 16, if not said otherwise.
        field: the field or column that holds the text: text, if not said otherwise.
        on_error: skip what cannot be read, and list it; raise, the default, stops there.
        tokenizer: how text becomes ids, such as "bpe(size=1000)"; bytes, if not said otherwise.
            `likely list data.tokenizers` shows all.
        model: a model with its settings, such as "transformer(layers=2)"; "ngram(order=6)" is
            counted. `likely list models` shows all.
        objective: a loss with its settings, such as "focal(gamma=2)". `likely list objectives`
            shows all. Left out, it is that of the kind.
        objective_after: steps that are trained by cross_entropy before the objective begins.
        minutes: training takes about as long at most; 2 by default.
        steps: optimiser steps, in place of a time.
        rows: windows of a step, over all processes together.
        length: tokens of a window.
        accumulate: how often as many windows are read before a step is taken.
        lr: the highest learning rate.
        optimizer: adamw, muon, sgd or sign.
        schedule: of the learning rate, with its settings, such as "wsd(decay_share=0.2)": cosine,
            linear, inverse_sqrt, wsd, piecewise or constant.
        precision: float32, or bfloat16 for forward passes.
        seed: of the data order, the model's start and everything else that is drawn.
        out: folder of the run; must not hold one yet. Left out, one under runs/.
        resume: folder of a run to go on with; nothing else is needed then.
        device: cpu; left out, the best there is.
        json: print what came of it as JSON.
    """
    named: dict[str, Any] = {
        "kind": kind,
        "data": data or None,
        "sidecars": sidecars or None,
        "start": start,
        "field": field,
        "on_error": on_error,
        "tokenizer": tokenizer,
        "model": model,
        "objective": objective,
        "objective_after": objective_after,
        "steps": steps,
        "rows": rows,
        "length": length,
        "accumulate": accumulate,
        "precision": precision,
        "seed": seed,
    }
    given = {name: value for name, value in named.items() if value is not None}
    tuned = {"name": optimizer, "lr": lr}
    if optimizer is not None or lr is not None:
        given["optimizer"] = {k: v for k, v in tuned.items() if v is not None}
    if schedule is not None:
        given["schedule"] = _schedule(schedule)
    given |= _tables(lora, rollouts, {"teacher": teacher, "reference": reference})
    _check(recipe, given, minutes, out, resume)
    from likely.apps import _training

    order = _training.Order(given, minutes, out, device, json)
    if resume is not None:
        _training.go_on(resume, order)
    elif recipe:
        _training.from_recipe(recipe[0], order)
    elif (model or "").split("(")[0].strip() == "ngram":
        _training.count(order)
    elif kind in ("adapt", "align", "sharpen"):
        from likely.apps import _examples_run

        _examples_run.from_examples(order)
    else:
        _training.from_text(order)


def _tables(lora: int | None, rollouts: int | None, roles: dict[str, str | None]) -> dict[str, Any]:
    """Tables of a recipe from options with one value each."""
    named: dict[str, dict[str, Any]] = {
        "lora": {"rank": lora},
        "rollouts": {"count": rollouts},
        "roles": roles,
    }
    kept = {
        table: {name: value for name, value in values.items() if value is not None}
        for table, values in named.items()
    }
    return {table: values for table, values in kept.items() if values}


def _schedule(text: str) -> dict[str, Any]:
    from likely.core.settings import parse

    name, settings = parse(text)
    return {"name": name, **settings}


def _check(
    recipe: tuple[Path, ...],
    given: dict[str, Any],
    minutes: float | None,
    out: Path | None,
    resume: Path | None,
) -> None:
    """Raise where words do not go together, before anything slow is imported."""
    if resume is not None:
        options = [
            f"--{name.replace('_', '-')}" for name in given if name not in ("optimizer", "roles")
        ]
        options += [f"--{name}" for name in given.get("roles", ())]
        options += [
            {"name": "--optimizer", "lr": "--lr"}[name] for name in given.get("optimizer", ())
        ]
        options += ["--minutes"] if minutes is not None else []
        more = (["a recipe"] if recipe else []) + options + (["--out"] if out else [])
        if more:
            raise BadSetting(
                _WHERE,
                [
                    f"A run goes on as it began, so --resume goes without {', '.join(more)}: "
                    f"likely train --resume {resume}"
                ],
            )
        return
    if minutes is not None and not 0 < minutes < 1e6:
        raise BadSetting(_WHERE, [f"--minutes {minutes:g} should be more than 0."])
    if minutes is not None and ("steps" in given or recipe):
        other = "a recipe" if recipe else "--steps"
        raise BadSetting(_WHERE, [f"{other} says how long to train: leave --minutes out, or that."])
    wrong = [path for path in recipe if path.suffix.lower() != ".toml"]
    if wrong or len(recipe) > 1:
        raise BadSetting(_WHERE, [_no_recipe(recipe, wrong)])


def _no_recipe(recipe: tuple[Path, ...], wrong: list[Path]) -> str:
    if not wrong:
        return f"One recipe at a time: {recipe[0]} and {recipe[1]} were given."
    named = " ".join(str(path) for path in recipe[:3]) + (" …" if len(recipe) > 3 else "")
    if all(path.is_dir() and (path / "recipe.toml").is_file() for path in recipe):
        return (
            f"{named} is a run. Go on with it: likely train --resume {recipe[0]}; or run its "
            f"recipe anew: likely train {recipe[0] / 'recipe.toml'}"
        )
    if not wrong[0].exists():
        parent = wrong[0].parent
        known = [path.name for path in parent.iterdir()] if parent.is_dir() else []
        near = did_you_mean(wrong[0].name, known)
        return (
            f"{wrong[0]} is not there.{near} A recipe is a .toml file, and text is given with "
            f"--data: likely train --data {named}"
        )
    return (
        f"{wrong[0]} is no recipe (a .toml file); text is given with --data: "
        f"likely train --data {named}"
    )
