"""A corpus looked up in the counts: to fit a smoothing on it, or to judge it."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from likely.core.errors import BadInput, ShapeError
from likely.core.vocabulary import Vocabulary
from likely.data.tokens import Tokens
from likely.models import _fit
from likely.models._counts import Counts, Ints
from likely.models._smoothing import Mixture, Smoothing
from likely.models._tabulate import stream
from likely.models._walk import Step, trace, walk

PLACES = 1 << 20  # of a corpus at once


def fitted(
    vocabulary: Vocabulary,
    counts: Counts,
    validation: Tokens,
    orders: Sequence[int],
    smoothing: Smoothing,
) -> dict[int, Mixture]:
    """Fit one mixture an order on the same counts and text.

    Args:
        vocabulary: what the ids mean.
        counts: up to the highest order.
        validation: what to fit on.
        orders: increasing.
        smoothing: which of the two.

    Returns:
        One mixture an order.

    Raises:
        BadInput: no validation text, or one over another vocabulary.
    """
    _check_vocabulary(vocabulary, validation)
    if not len(validation.ids):
        raise BadInput(
            "The validation text is empty, and the smoothing of an n-gram is fitted on it: "
            "give at least one document that is not in the training text."
        )
    every = -(-len(validation.ids) // _fit.PLACES)
    highest = Counts(counts.size, counts.text, counts.opens, counts.levels[: orders[-1]])
    ids, opens = stream(validation)
    places = np.flatnonzero(~opens)[::every]
    fit = _fit.Fit(smoothing, highest, _look_up(highest, ids, opens, places))
    return {k: Mixture(smoothing, fit.fit(k), counts.size) for k in orders}


def judged(
    vocabulary: Vocabulary, counts: Counts, mixtures: Mapping[int, Mixture], tokens: Tokens
) -> dict[int, tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """Log-probability of every token, and whether none was strictly likelier.

    Args:
        vocabulary: what the ids mean.
        counts: up to the highest order.
        mixtures: by any number.
        tokens: documents, each read from BOS.

    Returns:
        Two arrays like `tokens.ids`, by the same number.

    Raises:
        BadInput: tokens over another vocabulary.
    """
    _check_vocabulary(vocabulary, tokens)
    size = len(tokens.ids)
    out = {name: (np.empty(size), np.empty(size, bool)) for name in mixtures}
    done = 0
    for steps in _pieces(counts, tokens):
        places = slice(done, done + len(steps[0].row))
        done = places.stop
        for name, mixture in mixtures.items():
            weights = mixture.weights(steps)
            target = mixture.targets(steps, weights)
            out[name][0][places] = np.log(target)
            out[name][1][places] = target >= mixture.likeliest(steps, weights)
    return out


def check_ids(ids: Ints, size: int) -> None:
    """Refuse ids that the vocabulary does not have.

    Args:
        ids: tokens.
        size: V.

    Raises:
        ShapeError: one is negative, or V or more.
    """
    if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < size:
        raise ShapeError(
            f"The n-gram has {size} words, and the batch has ids {ids.min()} to {ids.max()}: "
            "encode it with the model's own vocabulary."
        )


def _check_vocabulary(vocabulary: Vocabulary, tokens: Tokens) -> None:
    if tokens.vocabulary.fingerprint != vocabulary.fingerprint:
        raise BadInput(
            f"The model counts tokens of a vocabulary of {vocabulary.size} words, and this text "
            f"is encoded in another one, of {tokens.vocabulary.size}: encode it with the same."
        )


def _pieces(counts: Counts, tokens: Tokens) -> Iterator[list[Step]]:
    """All targets in reading order, a piece at a time; a piece is read from K tokens before it."""
    ids, opens = stream(tokens)
    order = len(counts.levels)
    targets = np.flatnonzero(~opens)
    for begin in range(0, len(targets), PLACES):
        places = targets[begin : begin + PLACES]
        from_, to = max(int(places[0]) - order, 0), int(places[-1]) + 1
        yield _look_up(counts, ids[from_ : to + 1], opens[from_ : to + 1], places - from_)


def _look_up(counts: Counts, ids: Ints, opens: NDArray[np.bool_], places: Ints) -> list[Step]:
    """Steps of some targets; the last id is not read."""
    grams = trace(counts, ids[:-1].astype(np.int64), opens[:-1], len(counts.levels))
    contexts = [np.zeros(len(places), np.int32), *(gram[places - 1] for gram in grams[:-1])]
    return walk(counts, contexts, [gram[places] for gram in grams])
