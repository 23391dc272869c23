"""The loop: one run from a recipe to a folder with a trained model, stoppable at any moment."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from accelerate import Accelerator

from likely.core.bind import bind
from likely.core.errors import BadSetting, Unsupported
from likely.data.examples import Examples
from likely.data.tokens import Tokens
from likely.models.load import load
from likely.models.reader import Reader
from likely.train import _lora, _setup, _shards
from likely.train._check import build
from likely.train._random import Random
from likely.train._reading import read
from likely.train._training import Training
from likely.train.choose import Choose, check_unit, name_of
from likely.train.interrupt import Interrupt
from likely.train.progress import OnProgress, OnStep
from likely.train.recipe import Recipe, differences, load_recipe
from likely.train.run import Run, read_run


def run(
    recipe: Recipe,
    *,
    folder: str | Path,
    model: Reader | None = None,
    tokens: Tokens | None = None,
    validation: Tokens | Examples | None = None,
    examples: Examples | None = None,
    roles: Mapping[str, Reader] | None = None,
    choose: Choose | None = None,
    resume: bool = False,
    device: str | None = None,
    progress: OnProgress | None = None,
    on_step: OnStep | None = None,
    forecast: bool = True,
) -> Run:
    """Train a model and write the run's folder.

    Killed at any moment, the run goes on from its newest checkpoint with `resume=True`, on CPU
    to the same bits: the data order is a function of the step, dropout's generator is kept, and
    rows of `metrics.jsonl` after the checkpoint are cut off and written again. On a GPU, with
    another number of threads or another version of torch, sums may round differently; such
    changes are noted in `environment.json`.

    Under `torchrun` or `accelerate launch` the processes share the windows of each step, so that
    a recipe means the same however many there are; only dropout and objectives that draw differ.
    With `--use_fsdp --fsdp_version 2` they share the weights too.

    Args:
        recipe: what to do.
        folder: where the run is written.
        model: trained in place of a new one that the recipe names.
        tokens: training text in place of what the recipe names.
        validation: text to evaluate on; without it, and with `tokens`, nothing is evaluated.
        examples: prompts with answers to train on, in place of what the recipe names; kinds
            `adapt`, `align` and `sharpen`.
        roles: second readers in place of the folders that the recipe names.
        choose: weighs tokens while training: `choose(batch, stats)` gives one weight a token, by
            `log_prob` and the statistics that its attribute `wants` names.
        resume: go on with the run in `folder`; one that is not there begins.
        device: `cpu`, or None for the best there is.
        progress: called with each step's row and with each evaluation; `progress.Bar` is one.
        on_step: called after each step with its number and the model, in evaluation mode.
        forecast: whether the final loss is forecast on the way, in rows of `metrics.jsonl` of
            their own.

    Returns:
        The finished run.

    Raises:
        BadSetting: a wrong recipe, a folder that holds a run, a recipe or a choose that is not the
            run's.
        Interrupted: Ctrl-C; a checkpoint was written.
        Diverged: the loss or the gradient is not finite; the last checkpoint stays.
    """
    recipe, folder = build(asdict(recipe), "Recipe"), Path(folder)
    check_unit(choose, bind(recipe.objective))
    accelerator = _setup.processes(device)
    _check_folder(folder, recipe, resume)
    accelerator.wait_for_everyone()
    if (folder / "recipe.toml").is_file() and (done := read_run(folder)).finished:
        return done
    _check_choice(folder, name_of(choose))
    _check_shards(recipe, on_step, accelerator)
    begun = _begun(recipe, model)
    given = (tokens, validation, examples)
    material = read(recipe, given, begun, keep=folder, accelerator=accelerator)
    reader = begun or _setup.reader_of(recipe, material.vocabulary)
    _setup.check_reader(reader, recipe, material.vocabulary)
    if recipe.lora.rank > 0:
        _lora.add(reader, recipe)
    random = Random(recipe.seed, accelerator.process_index, accelerator.device)
    with random.apart(), Interrupt() as interrupt:
        training = Training(recipe, folder, accelerator, reader, material, roles, random, choose)
        training.hooks, training.foresees = (progress, on_step), forecast
        try:
            training.train(interrupt)
        finally:
            training.close()
    done = read_run(folder)
    # What lies in parts, nobody can read alone: the model is read from the folder.
    kept = None if _shards.is_sharded(reader) else reader
    return Run(done.folder, done.recipe, done.metrics, done.environment, kept)


def _begun(recipe: Recipe, model: Reader | None) -> Reader | None:
    """The model that training begins from, where it is not made for the text."""
    if model is not None and recipe.start:
        raise BadSetting(
            "run", [f"start={recipe.start!r} names a model, and another one was given as model."]
        )
    return load(recipe.start) if recipe.start else model


def _check_shards(recipe: Recipe, on_step: OnStep | None, accelerator: Accelerator) -> None:
    if not _shards.are_wanted(accelerator):
        return
    if recipe.optimizer.name == "muon":
        raise Unsupported(
            "Muon stretches whole matrices, and with sharded weights (FSDP2) no process has one: "
            "take optimizer adamw, sgd or sign, or share the windows alone (--multi_gpu)."
        )
    if on_step is not None:
        raise Unsupported(
            "on_step is called by the main process alone, which cannot read a model whose weights "
            "lie on several: leave it out, or train without sharded weights."
        )


def _check_folder(folder: Path, recipe: Recipe, resume: bool) -> None:
    if not (folder / "recipe.toml").is_file():
        return
    if not resume:
        raise BadSetting(
            str(folder), ["There is a run already. Go on with --resume, or give another --out."]
        )
    changed = differences(load_recipe(folder / "recipe.toml"), recipe)
    if changed:
        raise BadSetting(
            f"{folder}: a run goes on with the recipe it began with (or begins anew in another "
            "--out)",
            changed,
        )


def _check_choice(folder: Path, now: str | None) -> None:
    if not (folder / "recipe.toml").is_file():
        return
    before = read_run(folder).environment.get("choose")
    if before != now:
        began = f"with choose={before}" if before else "without choose"
        goes = f"with {now}" if now else "without"
        raise BadSetting(
            str(folder),
            [
                f"This run began {began}, and cannot go on {goes}: give run(...) the function "
                "that it began with (`likely train --resume` cannot), or begin in another folder."
            ],
        )
