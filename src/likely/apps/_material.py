"""What a study reads and what stands beside it: as long as windows hold, and told in lines."""

from dataclasses import replace

from likely.apps._own_text import size
from likely.apps.report._numbers import joined
from likely.train._study_data import StudyData
from likely.train._study_examples import StudyExamples
from likely.train.study import Study
from likely.train.study_material import SHORTEST, StudyMaterial


def with_whole_passages(study: Study) -> Study:
    """Planted passages no longer than the windows of every arm hold, by bytes.

    Args:
        study: with the sizes of its recipe chosen.

    Returns:
        The study, or one with shorter passages.
    """
    room = min(study.recipe_of(arm).length for arm in study.arms) - 1  # The end needs a token.
    shorter = replace(study.material, length=max(min(study.material.length, room), SHORTEST))
    return replace(study, material=shorter) if study.material.planted else study


def about_data(data: StudyData, material: StudyMaterial) -> list[str]:
    """What a study reads and asks.

    Args:
        data: of the study.
        material: what stands beside it.

    Returns:
        Lines for a terminal.
    """
    parts = [data.sizes[name] for name in ("training", "tuning", "test")]
    if isinstance(data, StudyExamples):
        train, tuning, test = (f"{part['examples']:,}" for part in parts)
        what, shared = "Pairs" if data.train.is_pairs else "Examples", "no prompt"
    else:
        train, tuning, test = (size(part["bytes"]) for part in parts)
        what, shared = "Text", "none"
    lines = [
        f"{what}: {train} to train on, {tuning} to tune by, {test} to judge by; {shared} is shared."
    ]
    lines += _cut(data) if isinstance(data, StudyExamples) else []
    repeats = joined(list(map(str, material.repeats)))
    asked = {
        f"{material.planted} passages of {material.length} bytes, planted {repeats} times each": (
            material.planted
        ),
        f"the task {material.task}": material.task,
        f"references from {material.references}": material.references,
        f"hidden states of {material.features}": material.features,
    }
    if said := [one for one, there in asked.items() if there]:
        lines.append(f"Beside it: {'; '.join(said)}. Half of what is asked is for tuning.")
    return lines


def _cut(data: StudyExamples) -> list[str]:
    """What did not fit into a row, where something did not."""
    parts = (data.train, data.tuning, data.test)
    shortened, left_out = (
        sum(len(getattr(part, name)) for part in parts) for name in ("shortened", "left_out")
    )
    said = {
        f"The prompts of {shortened} are shortened to the length of a row.": shortened,
        f"{left_out} are left out: their answers alone are longer than a row.": left_out,
    }
    return [line for line, there in said.items() if there]
