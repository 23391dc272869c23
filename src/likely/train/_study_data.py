"""What the trainings of a study read: text, or examples, by the kind of its recipes."""

from likely.core.errors import BadSetting
from likely.train import _examples
from likely.train._kinds import FROM_EXAMPLES
from likely.train._study_check import lacking
from likely.train._study_examples import StudyExamples, study_examples
from likely.train._study_text import StudyText, cut_passages, study_text
from likely.train.recipe import Recipe
from likely.train.study import Study
from likely.train.study_material import StudyMaterial

StudyData = StudyText | StudyExamples


def study_data(
    recipe: Recipe, share: float, held_out: float, material: StudyMaterial | None = None
) -> StudyData:
    """Read, split and encode what a recipe names.

    Args:
        recipe: its kind says how.
        share: for tuning.
        held_out: share for verdicts.
        material: what there is beside it; None for nothing.

    Returns:
        Three parts of text or of examples.

    Raises:
        BadInput: too little for three parts; material that is not there.
    """
    read = study_examples if recipe.kind in FROM_EXAMPLES else study_text
    return read(recipe, share, held_out, material)


def data_of(study: Study) -> StudyData:
    """What a study reads, where all of its arms can learn from it.

    Args:
        study: that begins or goes on.

    Returns:
        Three parts, as the study's own recipe cuts them.

    Raises:
        BadSetting: an arm needs what is not there, or holds less than others; a judge's library
            is not installed.
        BadInput: what was read is of another kind than the arms learn from.
    """
    given = (study.tuning.share, study.held_out, study.material)
    data = study_data(study.recipe, *given)
    if isinstance(data, StudyExamples):
        _examples.check(study.recipe, data.train.is_pairs)
    if problems := lacking(study, data.train.columns):
        raise BadSetting("compare", problems)
    return data


def unequal(study: Study) -> list[str]:
    """Arms whose windows are too short for what others read and are asked.

    Args:
        study: with the sizes of its recipes chosen.

    Returns:
        One sentence each.
    """
    if study.recipe.kind not in FROM_EXAMPLES:
        return cut_passages(study)
    given = (study.tuning.share, study.held_out, study.material)
    first = next(iter(study.arms))
    kept: dict[str, tuple[str, ...]] = {}
    for arm in study.arms:
        found = study_examples(study.recipe_of(arm), *given)
        kept[arm] = (*found.train.names, *found.tuning.names, *found.test.names)
    return [
        f"arms.{arm} and arms.{first} do not hold the same examples, since answers that are longer "
        "than length are left out: give both the same length, or one that holds every answer."
        for arm, names in kept.items()
        if names != kept[first]
    ]
