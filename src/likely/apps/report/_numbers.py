"""Numbers as a reader takes them in: three digits, units that fit."""

from collections.abc import Sequence
from typing import Any


def joined(parts: Sequence[str]) -> str:
    """Several names as a reader says them.

    Args:
        parts: names.

    Returns:
        ``a``, ``a and b``, ``a, b and c``.

    Example:
        >>> joined(["a"]), joined(["a", "b", "c"])
        ('a', 'a, b and c')
    """
    return " and ".join([", ".join(parts[:-1]), *parts[-1:]] if parts[1:] else parts)


def many(word: str, count: int) -> str:
    """A word for one thing, or for several.

    Args:
        word: for one.
        count: how many there are.

    Returns:
        The word, with an s where there is not just one.
    """
    return word if count == 1 else f"{word}s"


def plain(value: Any) -> str:
    """A setting as a reader takes it in.

    Args:
        value: a number, a word, or anything else.

    Returns:
        Four digits of a number, everything else as it is.

    Example:
        >>> plain(0.0123), plain("mean")
        ('0.0123', 'mean')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def short_count(number: float | int) -> str:
    """A count in three digits.

    Args:
        number: at least 0.

    Returns:
        ``812 k``, ``38.2 M``.

    Example:
        >>> short_count(812_345), short_count(38_200_000), short_count(12)
        ('812 k', '38.2 M', '12')
    """
    for size, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {name}"
    return f"{number:g}"


def short_time(seconds: float | int) -> str:
    """A duration.

    Args:
        seconds: how long.

    Returns:
        ``0.4 s``, ``38 s``, ``4 min 5 s``.

    Example:
        >>> short_time(0.42), short_time(38.2), short_time(245)
        ('0.4 s', '38 s', '4 min 5 s')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
