"""`report.html` of a run: curves, recipe, samples, and validation text as the model sees it."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from likely.apps import _excerpts
from likely.apps._half_time import half_time
from likely.apps._stages import write_whole
from likely.apps._write import samplers_of, write
from likely.apps.report import render_run
from likely.core.errors import LikelyError
from likely.data.corpus import Corpus
from likely.data.within import split_any
from likely.models.reader import Reader
from likely.train._kinds import FROM_EXAMPLES
from likely.train._texts import read_data
from likely.train.recipe import Recipe
from likely.train.run import Run, read_run

EXCERPT, SAMPLES, SAMPLE_TOKENS = 900, 2, 240
SAMPLER = ("temperature(temperature=0.9)", "top_p(p=0.95)")


def write_run_report(
    folder: Path,
    out: Path | None = None,
    *,
    validation: Corpus | None = None,
    reader: Reader | None = None,
) -> Path:
    """Write the page of a run, finished or not.

    Args:
        folder: of the run.
        out: file to write; `report.html` in the folder by default.
        validation: text to show coloured; read and split anew from the recipe by default.
        reader: the model of a finished run, where it is in memory.

    Returns:
        Where it is.

    Raises:
        BadInput: there is no run in the folder, or it is damaged.
    """
    run = read_run(folder)
    if reader is None and run.finished:
        reader = run.model
    missing, coloured, samples = "", [], []
    if reader is not None:
        samples = _samples(reader, run.recipe.seed)
        try:
            if run.recipe.kind not in FROM_EXAMPLES:
                coloured = _coloured(reader, validation or _validation(run.recipe))
        except LikelyError as problem:  # The text may have moved since.
            missing = f"Its text cannot be shown: {str(problem).splitlines()[0]}"
    name = folder.absolute().name
    facts = {
        "headline": _headline(name, run),
        "sentences": [*_sentences(run, reader), *([missing] if missing else [])],
        "recipe": _flat(asdict(run.recipe)),
        "environment": _flat(run.environment),
        "sampler": " | ".join(map(str, samplers_of(SAMPLER))),
    }
    path = out or folder / "report.html"
    write_whole(
        path,
        render_run(name, facts, run.training, run.evaluations, samples, coloured, run.forecasts),
    )
    return path


def _validation(recipe: Recipe) -> Corpus:
    return split_any(read_data(recipe)).validation


def _samples(reader: Reader, seed: int) -> list[str]:
    return write(
        reader,
        [""] * SAMPLES,
        samplers_of(SAMPLER),
        max_new_tokens=SAMPLE_TOKENS,
        seed=seed,
    )


def _coloured(reader: Reader, text: Corpus) -> list[dict[str, Any]]:
    """A passage of validation text a domain, at most three."""
    places = _excerpts.choose(text, EXCERPT)[:3]
    return [_excerpts.passage({"first": reader}, *place) for place in places]


def _headline(name: str, run: Run) -> str:
    last = run.evaluation
    if last is not None and last["bits_per_byte"] is not None:
        reached = f"reached {last['bits_per_byte']:.3f} bits per byte of validation text"
    elif run.training and run.training[-1]["loss"] is not None:
        reached = f"reached a loss of {run.training[-1]['loss']:.3f}"
    else:
        reached = "has logged nothing yet"
    return f"{name} {reached} in {run.step:,} steps"


def _sentences(run: Run, reader: Reader | None) -> list[str]:
    recipe = run.recipe
    size = f" of {reader.parameters_count:,} parameters" if reader else ""
    model = recipe.start or recipe.model
    found = [f"{model}{size} was trained with {recipe.objective} on {_named(recipe.data)}."]
    if not run.finished:
        found.append(
            f"It stopped at step {run.step:,} of {recipe.steps:,}; `likely train --resume` goes on."
        )
    elif (half := half_time(run)) is not None:
        found.append(str(half))
    if run.finished and len(run.evaluations) > 1:
        best = min(run.evaluations, key=lambda row: row["nats_per_token"] or float("inf"))
        if best["step"] < run.step:
            found.append(
                f"Validation text was likeliest at step {best['step']:,}; what came after was "
                "learned by heart, or noise."
            )
    return found


def _named(data: tuple[str, ...]) -> str:
    """What was read: names, and of many only the first."""
    more = len(data) - 3
    return ", ".join(data) if more < 1 else f"{', '.join(data[:2])} and {more + 1} more"


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """Names and values for a table; inner ones after the name they stand under."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{before}{name}.")
        elif value not in (None, (), []):
            listed = isinstance(value, list | tuple)
            found[before + name] = ", ".join(map(str, value)) if listed else str(value)
    return found
