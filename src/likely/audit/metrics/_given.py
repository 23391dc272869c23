"""What metrics are given: texts, references, numbers, labels; and what is said where they fail."""

from collections import Counter
from collections.abc import Hashable, Sequence, Sized
from typing import Any, SupportsFloat

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from likely.core.errors import BadInput, ShapeError, Unsupported

Array = NDArray[np.float64]
Numbers = Sequence[SupportsFloat] | NDArray[Any] | Tensor
Labels = Sequence[Hashable] | NDArray[Any] | Tensor
Texts = Sequence[str]
References = Sequence[str | Sequence[str]]
Pieces = Sequence[str | Sequence[int]]


def together(metric: str, **parts: Sized) -> int:
    """How many there are of each of several things that belong together.

    Args:
        metric: who asks, for messages.
        parts: what was given, by name.

    Returns:
        Their number.

    Raises:
        BadInput: there are none, or one text stands where several are meant.
        ShapeError: there are more of one than of another.
    """
    for name, part in parts.items():
        if isinstance(part, str):
            raise BadInput(
                f"{metric}: {name} should be several texts and is one, {part[:30]!r}; put it into "
                "a list."
            )
    counts = {name: len(part) for name, part in parts.items()}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise ShapeError(f"{metric}: {said} were given; give as many of each, in the same order.")
    count = next(iter(counts.values()))
    if not count:
        names = " and ".join(parts)
        raise BadInput(f"{metric}: {names} are empty, so there is nothing to measure.")
    return count


def references_of(metric: str, texts: Texts, references: References) -> list[list[str]]:
    """One list of accepted references a text.

    Args:
        metric: who asks, for messages.
        texts: what was written.
        references: for each text one that is wanted, or several of which any will do.

    Returns:
        As many lists as texts.

    Raises:
        BadInput: there are no texts, or a text without reference.
        ShapeError: another number of references than of texts.
    """
    together(metric, texts=texts, references=references)
    found = [[one] if isinstance(one, str) else list(one) for one in references]
    if not all(found):
        at = [bool(one) for one in found].index(False)
        raise BadInput(f"{metric}: text {at} has no reference; give each text at least one.")
    return found


def numbers(metric: str, name: str, values: Numbers) -> Array:
    """Numbers of any kind as a row of float64.

    Args:
        metric: who asks, for messages.
        name: what they are.
        values: a list, an array or a tensor.

    Returns:
        One number each.

    Raises:
        ShapeError: they do not stand in one row.
        BadInput: one of them is no finite number.
    """
    found = as_array(values).astype(np.float64)
    if found.ndim != 1:
        raise ShapeError(
            f"{metric}: {name} should stand in one row, and their shape is {found.shape}."
        )
    bad = np.flatnonzero(~np.isfinite(found))
    if len(bad):
        raise BadInput(
            f"{metric}: {name}[{bad[0]}] is {found[bad[0]]}; every one should be a finite number."
        )
    return found


def flags(metric: str, labels: Labels) -> NDArray[np.bool_]:
    """Labels that are 0 or 1, or False or True.

    Args:
        metric: who asks, for messages.
        labels: one a case.

    Returns:
        True where the label is 1.

    Raises:
        BadInput: a label is something else.
    """
    plain = plain_labels(labels)
    for at, label in enumerate(plain):
        if label not in (0, 1):
            raise BadInput(f"{metric}: labels[{at}] is {label!r}, and should be 0 or 1.")
    return np.array(plain, np.bool_)


def plain_labels(labels: Labels) -> list[Any]:
    """Labels as plain values that can be compared and counted.

    Args:
        labels: a list, an array or a tensor.

    Returns:
        A list.
    """
    return as_array(labels).tolist() if isinstance(labels, np.ndarray | Tensor) else list(labels)


def as_array(values: Any) -> NDArray[Any]:
    """A list, an array or a tensor, wherever it lies, as an array.

    Args:
        values: numbers.

    Returns:
        The array.
    """
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = values.double() if values.is_floating_point() else values
    return np.asarray(values)


def pieces(text: str | Sequence[int]) -> tuple[Hashable, ...]:
    """Words between blanks of a text; ids as they are.

    Args:
        text: a text, or token ids.

    Returns:
        Its words or ids.
    """
    return tuple(text.split()) if isinstance(text, str) else tuple(text)


def ngrams(parts: Sequence[Hashable], n: int) -> Counter[tuple[Hashable, ...]]:
    """How often each run of n pieces occurs.

    Args:
        parts: words or ids, in order.
        n: how long a run is.

    Returns:
        Run → times; empty where there are fewer than n pieces.
    """
    return Counter(tuple(parts[at : at + n]) for at in range(len(parts) - n + 1))


def needs(library: str, metric: str, extra: str = "metrics") -> Unsupported:
    """The error for a metric whose library is not installed.

    Args:
        library: what is missing, as pip calls it.
        metric: what needs it.
        extra: of likely that brings it.

    Returns:
        An error that says how to get it.
    """
    return Unsupported(f'The metric {metric} needs {library}: pip install "likely[{extra}]"')
