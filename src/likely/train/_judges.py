"""Who judges the models of a study, and which side of a measure is better."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from likely.core.bind import bind
from likely.core.catalogue import module_of
from likely.core.errors import BadInput, LikelyError, did_you_mean
from likely.core.settings import parse
from likely.data.tokens import Tokens
from likely.models.reader import Reader
from likely.train.exam import PARTS, Asked, Exam, continued
from likely.train.judge import ROOM, Measure, measure_of, needed, sit

PROMPTS, PROMPT_TOKENS, NEW_TOKENS = 32, 16, 64
"""Prompts that models continue, tokens of each, and tokens that are written after it."""
_OF_TEXT = ("test", "train", "continued")
"""Parts of an exam that plain text gives."""


def better(measure: str) -> str:
    """Which side of a measure is better.

    Args:
        measure: its name.

    Returns:
        `lower` or `higher`; empty where neither is, or no judge knows it.

    Example:
        >>> better("bits_per_byte"), better("accuracy"), better("height")
        ('lower', 'higher', '')
    """
    try:
        side = measure_of(measure)[1].better
    except LikelyError:
        return ""
    return "" if side == "neither" else side


def check_judges(judges: Sequence[str], primary: str) -> list[str]:
    """What is wrong with the judges of a study.

    Args:
        judges: names, with settings.
        primary: the measure that decides.

    Returns:
        Sentences.
    """
    problems = []
    directed: list[str] = []
    for judge in judges:
        try:
            bound = bind(judge, room=ROOM)
            lacking = [part for part in needed(bound.name) if part not in _OF_TEXT]
            if lacking:
                said = " and ".join(PARTS[part] for part in lacking)
                problems.append(
                    f"judges: {bound.name!r} needs {said}, which plain text does not give: leave "
                    "it out here, and use likely.train.judge.sit with an exam of your own."
                )
            measures: dict[str, Measure] = module_of(ROOM, bound.name).MEASURES
            directed += [name for name, one in measures.items() if one.better != "neither"]
        except LikelyError as problem:
            problems.append(f"judges: {problem}")
    if not problems and not any(fnmatchcase(primary, pattern) for pattern in directed):
        problems.append(
            f"primary={primary!r} should be a measure of the judges with a better side."
            f"{did_you_mean(primary, directed)} There are: {', '.join(directed)}."
        )
    return problems


def deciding(judges: Sequence[str], primary: str) -> tuple[str, ...]:
    """The judges that tuning needs: those that give the measure which decides.

    Args:
        judges: of the study, with settings.
        primary: the measure that decides.

    Returns:
        Some of them.
    """
    return tuple(
        judge
        for judge in judges
        if any(fnmatchcase(primary, pattern) for pattern in _measures(judge))
    )


def _measures(judge: str) -> dict[str, Measure]:
    found: dict[str, Measure] = module_of(ROOM, parse(judge)[0]).MEASURES
    return found


def judged(
    reader: Reader, judges: Sequence[str], train: Tokens, test: Tokens, seed: int
) -> dict[str, Any]:
    """What every judge says of a model.

    Prompts are cut from the same places for all models; what is sampled after them is drawn by the
    seed of the training, so that seeds differ by that too.

    Args:
        reader: the model, in evaluation mode.
        judges: names, with settings.
        train: what it was trained on.
        test: what it is judged on.
        seed: of judges that draw.

    Returns:
        Measures by name.
    """
    asks = any("continued" in needed(parse(judge)[0]) for judge in judges)
    prompts, new_tokens = prompts_of(test) if asks else (None, NEW_TOKENS)
    return dict(sit(reader, Exam(test, train, prompts, new_tokens=new_tokens, seed=seed), judges))


@lru_cache(maxsize=2)
def prompts_of(test: Tokens) -> tuple[Asked, int]:
    """Prompts cut from a text; shorter ones where its documents are short.

    Args:
        test: the text.

    Returns:
        Prompts with what really followed, and how many tokens that is.

    Raises:
        BadInput: no document is long enough for the shortest ones.
    """
    for part in (1, 2, 4):
        prompt, new = PROMPT_TOKENS // part, NEW_TOKENS // part
        try:
            return continued(test, count=PROMPTS, prompt_tokens=prompt, new_tokens=new), new
        except BadInput:
            continue
    prompt, new = PROMPT_TOKENS // 8, NEW_TOKENS // 8
    return continued(test, count=PROMPTS, prompt_tokens=prompt, new_tokens=new), new
