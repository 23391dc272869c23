"""Models trained by gradient for the main job, and what their runs logged."""

from pathlib import Path
from typing import Any

from likely.apps._budget import Training
from likely.apps._console import messages
from likely.data.tokens import Tokens
from likely.models.reader import Reader
from likely.train.loop import run
from likely.train.precision import fast_precision
from likely.train.progress import Bar
from likely.train.recipe import Optimizer, Recipe, Schedule


def recipe_of(training: Training, objective: str, seed: int) -> Recipe:
    """A training run of the budget as a recipe.

    Args:
        training: sizes.
        objective: what it is trained by.
        seed: of everything random.

    Returns:
        The recipe.
    """
    return Recipe(
        model=training.model,
        objective=objective,
        steps=training.steps,
        length=training.length,
        rows=training.rows,
        seed=seed,
        precision=fast_precision(),
        optimizer=Optimizer(training.optimizer, lr=training.lr),
        schedule=Schedule(warmup=min(training.warmup, training.steps // 2), floor=0.0),
        evaluate_every=max(1, training.steps // training.evaluations),
        checkpoint_every=0,
        log_every=max(1, training.steps // 50),
    )


def train(
    recipe: Recipe, tokens: Tokens, validation: Tokens, folder: Path, label: str
) -> tuple[Reader, list[dict[str, Any]]]:
    """Train in a folder, or go on where the run of this recipe stopped there.

    Args:
        recipe: what to do.
        tokens: training text.
        validation: text for the learning curve.
        folder: of the run.
        label: what the progress bar says.

    Returns:
        The model, and its learning curve: `step`, `tokens`, `seconds`, `bits_per_byte`.
    """
    with Bar(label, messages()) as bar:
        done = run(
            recipe,
            tokens=tokens,
            validation=validation,
            folder=folder,
            resume=True,
            progress=bar,
        )
    columns = ("step", "tokens", "seconds", "bits_per_byte")
    return done.model, [{c: row[c] for c in columns} for row in done.evaluations]
