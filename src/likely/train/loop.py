"""The loop: one run from a recipe to a folder with a trained model, stoppable at any moment."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from likely.core.errors import BadSetting
from likely.data.tokens import Tokens
from likely.models.reader import Reader
from likely.train import _setup
from likely.train._check import build
from likely.train._random import Random
from likely.train._texts import OnCorpus, texts
from likely.train._training import Training
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
    validation: Tokens | None = None,
    roles: Mapping[str, Reader] | None = None,
    resume: bool = False,
    device: str | None = None,
    progress: OnProgress | None = None,
    on_step: OnStep | None = None,
    on_corpus: OnCorpus | None = None,
) -> Run:
    """Train a model and write the run's folder.

    Killed at any moment, the run goes on from its newest checkpoint with `resume=True`, on CPU
    to the same bits: the data order is a function of the step, dropout's generator is kept, and
    rows of `metrics.jsonl` after the checkpoint are cut off and written again. On a GPU, with
    another number of threads or another version of torch, sums may round differently; such
    changes are noted in `environment.json`.

    Under `accelerate launch` each process reads `accumulate` micro batches a step, so a step of
    two processes is that of one with twice the `accumulate`; only dropout differs.

    Args:
        recipe: what to do.
        folder: where the run is written.
        model: trained in place of a new one that the recipe names.
        tokens: training text in place of what the recipe names.
        validation: text to evaluate on; without it, and with `tokens`, nothing is evaluated.
        roles: second readers in place of the folders that the recipe names.
        resume: go on with the run in `folder`; one that is not there begins.
        device: `cpu`, or None for the best there is.
        progress: called with each step's row and with each evaluation; `progress.Bar` is one.
        on_step: called after each step with its number and the model, in evaluation mode.
        on_corpus: called with the corpus that the recipe names, as soon as it is read.

    Returns:
        The finished run.

    Raises:
        BadSetting: a wrong recipe, a folder that holds a run, a recipe that is not the run's.
        Interrupted: Ctrl-C; a checkpoint was written.
        Diverged: the loss or the gradient is not finite; the last checkpoint stays.
    """
    recipe, folder = build(asdict(recipe), "Recipe"), Path(folder)
    accelerator = _setup.processes(device)
    _check_folder(folder, recipe, resume)
    accelerator.wait_for_everyone()
    if (folder / "recipe.toml").is_file() and (done := read_run(folder)).finished:
        return done
    tell = on_corpus if accelerator.is_main_process else None
    tokens, validation = texts(
        recipe, tokens, validation, keep=folder, accelerator=accelerator, on_corpus=tell
    )
    reader = _setup.reader_of(recipe, tokens.vocabulary) if model is None else model
    _setup.check_reader(reader, recipe, tokens.vocabulary)
    random = Random(recipe.seed, accelerator.process_index, accelerator.device)
    with random.apart(), Interrupt() as interrupt:
        training = Training(recipe, folder, accelerator, reader, tokens, validation, roles, random)
        training.hooks = (progress, on_step)
        try:
            training.train(interrupt)
        finally:
            training.close()
    done = read_run(folder)
    return Run(done.folder, done.recipe, done.metrics, done.environment, reader)


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
