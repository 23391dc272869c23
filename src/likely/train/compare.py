"""Compare arms: tune every one of them alike, train each on every seed, and see what seeds say."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from likely.core.disk import sweep, write_whole
from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.train._crew import Crew
from likely.train._doing import Doing, OnProgress, Progress
from likely.train._study_job import StudyJob, begin, fingerprint
from likely.train.comparison import ArmResult, Comparison
from likely.train.interrupt import Interrupt
from likely.train.study import Study, load_study, to_plain

__all__ = ["OnProgress", "Progress", "compare"]


def compare(
    study: Study,
    folder: str | Path,
    *,
    processes: Annotated[int, Ge(1)] = 1,
    command: str = "",
    progress: OnProgress | None = None,
) -> Comparison:
    """Compare the arms of a study, and write what came of it into its folder.

    First one step of every arm is measured, which says how many its budget buys. Then every arm has
    its trials, on seeds from 1000 on and on text for tuning alone. Then every arm trains on every
    seed by what it chose, and the judges look at the models on test text. Where the recipes are of
    kind `adapt` or `align`, examples stand in place of text, kept apart by prompt.

    Every finished training is kept as a file in FOLDER/trials, and one that is stopped leaves a
    checkpoint; the same call goes on from there, and gives the same numbers as if nothing had
    happened. A finished comparison is returned as it stands.

    Args:
        study: what is compared.
        folder: where everything is written: `study.toml`, `trials/`, `recipes/` (what each arm
            chose, for `likely train`), `comparison.json`, `.csv` and `.tex`.
        processes: trainings side by side, each in a process with one thread.
        command: what goes on after Ctrl-C, for the message.
        progress: called several times a second.

    Returns:
        The comparison.

    Raises:
        BadSetting: the folder holds another study; an arm reads what the data do not have, or
            windows that hold no planted passage or fewer answers than those of others; a judge's
            library is not installed.
        BadInput: the data or the source have changed since the study began, or are too few.
        LikelyError: a trial cannot be done; what is finished is kept.
        Interrupted: Ctrl-C; the same call goes on.
    """
    checked(compare, locals())
    folder = Path(folder)
    if (folder / "comparison.json").is_file():
        _same(study, folder)
        return Comparison.read(folder)
    with Interrupt() as interrupt, Crew(processes) as crew:
        # What is slow to import waits until Ctrl-C is heard.
        from likely.train._study_data import data_of, unequal

        data = data_of(study)
        if problems := unequal(study):
            raise BadSetting("compare", problems)
        code = fingerprint()
        begin(study, folder, data.sizes, code)
        sweep(folder)
        goes_on = command or f"likely compare --resume --out {folder}"
        job = StudyJob(study, folder, data.key, code, goes_on)
        doing = Doing(job, crew, interrupt, progress, again=False)
        try:
            return _written(_compared(job, doing, data.sizes), folder)
        except KeyboardInterrupt:
            raise job.stopped(doing.done()) from None


def _same(study: Study, folder: Path) -> None:
    if to_plain(load_study(folder / "study.toml")) != to_plain(study):
        raise BadSetting(
            str(folder), ["There is another study in this folder: give another --out."]
        )


def _compared(job: StudyJob, doing: Doing, sizes: dict[str, Any]) -> Comparison:
    from likely.train import _study_arms as arms
    from likely.train._judges import better
    from likely.train._study_verdicts import verdicts
    from likely.train.run import environment

    study = job.study
    cost = arms.costs(job, doing)
    reference = study.budget.reference
    if not reference.step_seconds:
        reference = replace(reference, step_seconds=cost.plain)
    tuned = arms.tune(job, doing, arms.steps_by_arm(job, cost))
    found = arms.train(job, doing, tuned, cost)
    budget = replace(study.budget, reference=reference)
    return Comparison(
        study=to_plain(replace(study, budget=budget)),
        baseline=study.baseline,
        primary=study.primary,
        tuned=study.tuning.trials > 0,
        fast=study.fast,
        seeds=tuple(range(study.seeds)),
        text=sizes,
        budget={**asdict(budget), "step_seconds_here": cost.plain},
        arms=found,
        verdicts=verdicts(study, found, better),
        notes=_notes(study, found, sizes),
        cpu_minutes=round(doing.cpu_seconds() / 60, 3),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        environment=environment(),
    )


def _notes(study: Study, arms: tuple[ArmResult, ...], sizes: dict[str, Any]) -> tuple[str, ...]:
    """What a reader must know beside the verdicts."""
    from likely.train._budgets import never_decays

    notes = [edge for arm in arms for edge in arm.edges]
    for arm in arms:
        if never_decays(study.recipe_of(arm.name)):
            notes.append(f"{arm.name}: its schedule never decays, so its last step is no end.")
        gone = sum(value is None for value in arm.measures.get(study.primary, (None,)))
        if gone:
            notes.append(f"{arm.name}: diverged with {gone} of {study.seeds} seeds.")
    if sizes["cut"]:
        notes.append(
            "There were too few documents to keep whole ones apart, so tuning and test text are "
            "the ends of documents whose beginnings were trained on."
        )
    tokenizers = {arm.recipe["tokenizer"] for arm in arms}
    if len(tokenizers) > 1:
        notes.append("Arms cut the text by different tokenizers: measures a token do not compare.")
    return tuple(notes)


def _written(found: Comparison, folder: Path) -> Comparison:
    """What stands beside the numbers; `comparison.json` comes last and says that all is there."""
    import shutil

    from likely.train._check import build
    from likely.train._comparison_tables import to_csv, to_latex
    from likely.train.recipe import to_toml

    recipes = folder / "recipes"
    recipes.mkdir(exist_ok=True)
    for number, arm in enumerate(found.arms):
        letters = (letter if letter.isalnum() or letter in "._-" else "-" for letter in arm.name)
        path = recipes / f"{number}-{''.join(letters)}.toml"
        write_whole(path, to_toml(build(arm.recipe, arm.name)))
    write_whole(folder / "comparison.csv", to_csv(found))
    write_whole(folder / "comparison.tex", to_latex(found))
    shutil.rmtree(folder / "running", ignore_errors=True)
    found.write(folder / "comparison.json")
    return found
