"""What the seeds of a planned comparison could see, by the noise of an earlier study beside it."""

from pathlib import Path

import numpy as np

from likely.audit.seeds import smallest_effect
from likely.core.errors import LikelyError
from likely.train.comparison import Comparison
from likely.train.recipe import Recipe
from likely.train.study import Study

_FEWEST = 3


def earlier_noise(study: Study, folder: Path) -> list[str]:
    """A sentence about the newest study beside this one that has the same model and measure.

    Args:
        study: that is planned.
        folder: where it will lie.

    Returns:
        One sentence, or none where there is no such study.
    """
    paths = sorted(folder.parent.glob("*/comparison.json"), key=lambda path: path.stat().st_mtime)
    for path in reversed(paths):
        try:
            found = Comparison.read(path)
        except LikelyError:  # Not ours, or of a version to come.
            continue
        before = found.study.get("recipe", {}), found.study.get("primary", "")
        here = study.recipe.model, study.primary
        if found.fast or (before[0].get("model", Recipe().model), before[1]) != here:
            continue
        measured = [
            np.asarray(one.differences) for one in found.verdicts if one.measure == found.primary
        ]
        spread = [one - one.mean() for one in measured if len(one) >= _FEWEST]
        freedom = sum(len(one) - 1 for one in spread)
        if not freedom or study.seeds < 2:
            continue
        noise = float(np.sqrt(sum(float((one**2).sum()) for one in spread) / freedom))
        effect = smallest_effect(noise, study.seeds)
        return [
            f"In {path.parent.name}, the difference of two arms varied by {noise:.2g} "
            f"{found.primary.replace('_', ' ')} from seed to seed: {study.seeds} seeds would see "
            f"{effect:.2g} in 80 % of cases (of another text or length, other noise)."
        ]
    return []
