"""Who judges the models of a study: entries of `train.judges`, and which side is better."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from likely.core.bind import bind
from likely.core.catalogue import catalogue, module_of
from likely.core.errors import BadInput, LikelyError, did_you_mean
from likely.core.settings import parse
from likely.data.tokens import Tokens
from likely.models.reader import Reader
from likely.train.exam import PARTS, Asked, Exam, continued
from likely.train.judge import ROOM, needed, sit

PROMPTS, PROMPT_TOKENS, NEW_TOKENS = 32, 16, 64
"""Prompts that models continue, tokens of each, and tokens that are written after it."""
_THERE = ("test", "train", "continued")
"""Parts of an exam that any text gives."""


def names() -> tuple[str, ...]:
    """Every judge there is."""
    return tuple(catalogue(ROOM))


class _Sides(Mapping[str, str]):
    """Measure → the side that is better, by patterns such as `rep_*_greedy`."""

    def __init__(self, sides: Mapping[str, str]) -> None:
        self._sides = sides

    def __getitem__(self, measure: str) -> str:
        for pattern, side in self._sides.items():
            if fnmatchcase(measure, pattern):
                return side
        raise KeyError(measure)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sides)

    def __len__(self) -> int:
        return len(self._sides)


def better(judges: Sequence[str]) -> Mapping[str, str]:
    """Which side of each measure is better, as the judges say.

    Args:
        judges: names, with settings.

    Returns:
        Measure → `lower` or `higher`; a measure without a better side is not in it.
    """
    said = {
        pattern: measure.better
        for judge in judges
        if (name := parse(judge)[0]) in catalogue(ROOM)
        for pattern, measure in module_of(ROOM, name).MEASURES.items()
        if measure.better != "neither"
    }
    return _Sides(said)


def check_judges(judges: Sequence[str], primary: str | None) -> list[str]:
    """What is wrong with the judges of a study.

    Args:
        judges: names, with settings.
        primary: the measure that decides; None for the usual one.

    Returns:
        Sentences.
    """
    problems = []
    for judge in judges:
        try:
            bound = bind(judge, room=ROOM)
            problems += [
                f"judges: {bound.name!r} needs {part!r}, {PARTS[part]}, and a study of text alone "
                "has none: leave it out, or call `likely.train.judge.sit` with an exam of your own."
                for part in needed(bound.name)
                if part not in _THERE
            ]
        except LikelyError as problem:
            problems.append(f"judges: {problem}")
    directed = better(judges)
    if primary is not None and not problems and primary not in directed:
        problems.append(
            f"primary={primary!r} should be a measure with a better side."
            f"{did_you_mean(primary, directed)} There are: {', '.join(directed)}."
        )
    return problems


def judged(
    reader: Reader, judges: Sequence[str], train: Tokens, test: Tokens, seed: int
) -> dict[str, Any]:
    """What every judge says of a model.

    Args:
        reader: the model.
        judges: names, with settings.
        train: what it was trained on.
        test: what it is judged on; prompts are cut from it, the same ones for every seed.
        seed: of judges that draw.

    Returns:
        Measures by name.
    """
    wanted = {part for judge in judges for part in needed(parse(judge)[0])}
    asked, new_tokens = prompts_of(test) if "continued" in wanted else (None, NEW_TOKENS)
    return dict(sit(reader, Exam(test, train, asked, new_tokens=new_tokens, seed=seed), judges))


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
