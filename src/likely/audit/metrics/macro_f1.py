"""Macro F1: the F1 of every class, where rare classes count as much as common ones."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass

from likely.audit.metrics._given import Labels, plain_labels, together

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"order_indifferent", "perfect"})


@dataclass(frozen=True)
class ClassScore:
    """How one class was told from all others.

    Args:
        precision: share of those named so that are so; 0 where none was named so.
        recall: share of those that are so that were named so; 0 where none is so.
        f1: harmonic mean of both.
        count: how many are so.
    """

    precision: float
    recall: float
    f1: float
    count: int


def macro_f1(predictions: Labels, labels: Labels) -> float:
    r"""Mean over classes of the F1 of each.

    $$ \frac{1}{|K|} \sum_{k \in K} \frac{2\,\mathrm{tp}_k}{2\,\mathrm{tp}_k + \mathrm{fp}_k +
    \mathrm{fn}_k} $$

    K are the classes that occur among predictions or labels. Another mean goes by the same name,
    the F1 of mean precision and mean recall; it can be higher by far.

    Args:
        predictions: the class that was named, one a case.
        labels: the class that is so, one a case.

    Returns:
        One number for all cases.

    Raises:
        BadInput: there are no cases.
        ShapeError: another number of predictions than of labels.

    Example:
        >>> round(macro_f1(["noun"] * 10, ["noun"] * 9 + ["verb"]), 3)  # accuracy: 0.9
        0.474

    References:
        Opitz, Burst, Macro F1 and Macro F1, 2019, "averaged F1". arXiv:1911.03347.
    """
    found = by_class(predictions, labels)
    return sum(one.f1 for one in found.values()) / len(found)


def by_class(predictions: Labels, labels: Labels) -> dict[Hashable, ClassScore]:
    """Precision, recall and F1 of every class.

    Args:
        predictions: the class that was named, one a case.
        labels: the class that is so, one a case.

    Returns:
        Class → scores, for those that occur among predictions or labels, sorted by their names.

    Raises:
        BadInput: there are no cases.
        ShapeError: another number of predictions than of labels.

    Example:
        >>> by_class(["b", "a", "a"], ["b", "b", "a"])["a"]
        ClassScore(precision=0.5, recall=1.0, f1=0.6666666666666666, count=1)
    """
    together("macro_f1", predictions=predictions, labels=labels)
    said, so = plain_labels(predictions), plain_labels(labels)
    named, are = Counter(said), Counter(so)
    right = Counter(one for one, other in zip(said, so, strict=True) if one == other)
    return {
        kind: ClassScore(
            precision=right[kind] / named[kind] if named[kind] else 0.0,
            recall=right[kind] / are[kind] if are[kind] else 0.0,
            f1=2 * right[kind] / (named[kind] + are[kind]),
            count=are[kind],
        )
        for kind in sorted({*named, *are}, key=str)
    }
