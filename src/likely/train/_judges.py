"""Who judges a trained model: every judge's measures by name, and which side is better."""

from collections.abc import Mapping, Sequence
from typing import Any

from likely.audit.likelihood import likelihood
from likely.core.catalogue import ROOMS, catalogue, module_of
from likely.core.errors import LikelyError, UnknownName, did_you_mean
from likely.core.settings import check, parse
from likely.data.tokens import Tokens
from likely.models.reader import Reader
from likely.train._measures import Measures, plain

_ROOM = "train.judges"
_PLAIN = "likelihood"
_BETTER = {"nats_per_token": "lower", "bits_per_byte": "lower", "accuracy": "higher"}


def names() -> tuple[str, ...]:
    """Every judge there is."""
    return tuple(dict.fromkeys([_PLAIN, *(catalogue(_ROOM) if _ROOM in ROOMS else ())]))


def better(judges: Sequence[str]) -> dict[str, str]:
    """Which side of each measure is better, as far as the judges say.

    Args:
        judges: names, with settings.

    Returns:
        Measure → `lower` or `higher`; a measure without a better side is not in it.
    """
    said = dict(_BETTER)
    for judge in judges:
        name, _ = parse(judge)
        if _ROOM in ROOMS and name in catalogue(_ROOM):
            said |= getattr(module_of(_ROOM, name), "BETTER", {})
    return said


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
            name, given = parse(judge)
            if name not in names():
                raise UnknownName("judge", name, names())
            if _ROOM in ROOMS and name in catalogue(_ROOM):
                module = module_of(_ROOM, name)
                check(f"Judge {name!r}", getattr(module, name), given)
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
        reader: the model, in evaluation mode.
        judges: names, with settings.
        train: what it was trained on.
        test: what it is judged on.
        seed: of judges that draw.

    Returns:
        Measures by name.
    """
    said: dict[str, Any] = {}
    for judge in judges:
        said |= _one(judge, reader, train, test, seed)
    return said


def _one(judge: str, reader: Reader, train: Tokens, test: Tokens, seed: int) -> Measures:
    del train, seed
    found = likelihood(reader, test)
    values: Mapping[str, float] = {name: getattr(found, name) for name in _BETTER}
    del judge
    return plain(values)
