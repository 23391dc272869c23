"""A judged training: one recipe, one seed, and what the judges say of the model."""

import shutil
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from annotated_types import Gt, Lt

from likely.core.settings import checked
from likely.train._judged import judged
from likely.train._study_data import study_data
from likely.train._study_text import check_text
from likely.train.errors import Diverged
from likely.train.loop import run
from likely.train.recipe import parse_recipe, with_seed
from likely.train.seen import note
from likely.train.study_material import parse_material


def judged_training(
    seed: int,
    *,
    recipe: str,
    part: Literal["tuning", "test"] = "test",
    judges: tuple[str, ...] = ("likelihood",),
    share: Annotated[float, Gt(0), Lt(0.5)] = 0.08,
    held_out: Annotated[float, Gt(0), Lt(0.5)] = 0.12,
    material: str = "",
    text: str = "",
    folder: str = "",
    seen: str = "",
) -> dict[str, float | list[float]]:
    """Train a recipe with a seed, and judge the model on the part for tuning or for tests.

    Measures: those of the judges, and `diverged`, 0; where loss or gradient became infinite,
    `diverged` is 1 and stands alone.

    Args:
        seed: of the order of the data, of the first weights and of everything that is drawn.
        recipe: as TOML.
        part: which text or examples the judges read, and which half of the questions they ask.
        judges: who looks at the model.
        share: of the text that tunes.
        held_out: share of the text that verdicts are made on.
        material: what there is beside the text, as TOML; empty for nothing.
        text: key that text or examples should have; empty for any.
        folder: where the run lies while it is not finished, so that it can go on; empty for a
            temporary place.
        seen: file for its curve and samples, which no verdict needs; empty for none.

    Returns:
        The measures by name.
    """
    checked(judged_training, locals())
    made = with_seed(parse_recipe(recipe), seed)
    beside = parse_material(material)
    found = study_data(made, share, held_out, beside)
    if text:
        check_text(found.key, text)
    with ExitStack() as stack:
        place = Path(folder or stack.enter_context(TemporaryDirectory()))
        try:
            done = run(made, folder=place, resume=True, **found.given)
        except Diverged:
            shutil.rmtree(place, ignore_errors=True)
            return {"diverged": 1.0}
        exam = found.exam(part)
        said = judged(done.model, judges, exam, seed, beside.features)
        if seen:
            note(Path(seen), recipe, seed, done, exam)
    shutil.rmtree(place, ignore_errors=True)
    return {**said, "diverged": 0.0}
