"""What tasks share about chance: distinct draws, and parts that do not meet."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Annotated

import numpy as np
from annotated_types import Ge

from likely.core.errors import BadSetting

Count = Annotated[int, Ge(1)]
Seed = Annotated[int, Ge(0)]
_WIDE = 2**62


def below(limit: int, rng: np.random.Generator) -> int:
    """A number from 0 to `limit` − 1, all alike; `limit` may be larger than any machine number."""
    if limit <= _WIDE:
        return int(rng.integers(limit))
    # 16 bytes more than needed: no number is likelier than another by more than 2⁻¹²⁸ of itself.
    return int.from_bytes(rng.bytes((limit.bit_length() + 7) // 8 + 16)) % limit


def distinct(space: int, count: int, rng: np.random.Generator) -> Iterator[int]:
    """Different numbers below `space` in random order: a shuffle that is stopped after `count`."""
    moved: dict[int, int] = {}
    for place in range(count):
        other = place + below(space - place, rng)
        yield moved.get(other, other)
        moved[other] = moved.get(place, place)


def apart(
    where: str,
    space: int,
    documents: int,
    held_out: int,
    rng: np.random.Generator,
    key: Callable[[int], Hashable] = int,
    twins: int = 1,
) -> tuple[list[int], list[int]]:
    """Problems to train on and problems to hold out, by number, none twice and none in both.

    Args:
        where: the task, for the message.
        space: how many problems there are.
        documents: how many to train on.
        held_out: how many to hold out.
        rng: what draws.
        key: problems with equal keys count as one problem across the parts: 1+2 and 2+1.
        twins: the most problems that share a key.

    Returns:
        Numbers of the problems that are trained on, and of those held out.

    Raises:
        BadSetting: there are not as many problems.
    """
    wanted = documents + twins * held_out
    if wanted > space:
        counts = {"documents": documents, "held_out": held_out}
        given = " and ".join(f"{name}={count}" for name, count in counts.items() if count)
        each = "" if twins == 1 else f", and each held-out one bars {twins - 1} more from training"
        raise BadSetting(
            where,
            [f"{given} should be less: these settings allow {space} different problems{each}."],
        )
    drawn = list(distinct(space, wanted, rng))
    kept = drawn[:held_out]
    barred = {key(number) for number in kept}
    free = (number for number in drawn[held_out:] if twins == 1 or key(number) not in barred)
    return [number for number, _ in zip(free, range(documents), strict=False)], kept


def digits_of(number: int, radices: Sequence[int]) -> list[int]:
    """A number as digits, the first one the fastest; each has a radix of its own."""
    digits = []
    for radix in radices:
        number, digit = divmod(number, radix)
        digits.append(digit)
    return digits
