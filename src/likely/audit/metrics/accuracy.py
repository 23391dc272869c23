"""Accuracy: the share of cases that were named rightly."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from likely.audit.metrics._given import Labels, plain_labels, together

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"order_indifferent", "perfect"})


def accuracy(predictions: Labels, labels: Labels) -> Float[NDArray[np.float64], "M"]:
    r"""Whether each prediction is the label; the mean is the accuracy.

    $$ a_m = [\hat y_m = y_m] $$

    Where one class is common, naming it always is right most of the time: see `macro_f1`.

    Args:
        predictions: what was said, one a case: words, numbers, anything that can be compared.
        labels: what is so, one a case.

    Returns:
        1 where they agree and 0 elsewhere, one number a case.

    Raises:
        BadInput: there are no cases.
        ShapeError: another number of predictions than of labels.

    Example:
        >>> accuracy(["cat", "dog", "dog"], ["cat", "dog", "cat"])
        array([1., 1., 0.])

    References:
        Manning, Raghavan, Schütze, Introduction to Information Retrieval, 2008, section 8.3.
    """
    together("accuracy", predictions=predictions, labels=labels)
    pairs = zip(plain_labels(predictions), plain_labels(labels), strict=True)
    return np.array([said == so for said, so in pairs], np.float64)
