"""The text of a study and what stands beside it: as long as windows hold, and told in lines."""

from dataclasses import replace

from likely.apps._own_text import size
from likely.apps.report._numbers import joined
from likely.train._study_text import StudyText
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


def about_text(text: StudyText, material: StudyMaterial) -> list[str]:
    """What a study reads and asks.

    Args:
        text: of the study.
        material: what stands beside the text.

    Returns:
        Lines for a terminal.
    """
    parts = text.sizes
    train, tuning, test = (size(parts[name]["bytes"]) for name in ("training", "tuning", "test"))
    lines = [f"Text: {train} to train on, {tuning} to tune by, {test} to judge by; none is shared."]
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
