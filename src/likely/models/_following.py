"""What an n-gram over bytes expects next, bit for bit the same however many places are asked."""

from collections.abc import Iterator, Sequence

import numpy as np

from likely.core.errors import Unsupported
from likely.models._counts import Flags, Ints
from likely.models._ngram import CELLS, NGram
from likely.models._walk import Reals, trace, walk
from likely.models.reader import Reader


def over_bytes(model: Reader, what: str) -> NGram:
    """The model, if a coder can be driven by it.

    A decoder asks for one place what an encoder asked for a thousand at once, and a last bit that
    differs breaks the code. Counts are added, multiplied and divided place by place, which gives
    the same bits in any company; products of matrices do not.

    Args:
        model: any model.
        what: names the coder, for the message.

    Returns:
        An n-gram whose ids are bytes.

    Raises:
        Unsupported: another kind of model, or an n-gram over other tokens.
    """
    if not isinstance(model, NGram):
        raise Unsupported(
            f"{what} needs the very same probabilities again when it decodes, and a model of kind "
            f"{model.kind!r} rounds differently for one place than for many: give an n-gram."
        )
    if not model.vocabulary.is_bytes:
        raise Unsupported(
            f"{what} codes bytes, and this n-gram counts other tokens ({model.vocabulary.size} "
            "ids): count bytes, with Vocabulary.of_bytes()."
        )
    return model


def behind(model: NGram, contexts: Sequence[Ints]) -> Reals:
    """Probability of every id behind each of some contexts.

    Args:
        model: the n-gram.
        contexts: ids, of which the last K − 1 are looked at; nothing at all is the empty context,
            and not the start of a document.

    Returns:
        One row a context, `[contexts, V]`.
    """
    most = model.order - 1
    recent = [ids[max(len(ids) - most, 0) :] for ids in contexts]
    lengths = np.array([len(ids) for ids in recent])
    ends = np.cumsum(lengths)
    opens = np.zeros(int(ends[-1]), bool)
    opens[(ends - lengths)[lengths > 0]] = True
    return _rows(model, np.concatenate(recent), opens, np.where(lengths > 0, ends, 0))


def along(model: NGram, ids: Ints, opens: Flags) -> Iterator[tuple[slice, Reals]]:
    """Probability of every id behind each of some ids that follow one another.

    Args:
        model: the n-gram.
        ids: what is read.
        opens: where nothing before may be looked at.

    Yields:
        Places in `ids` and one row for each of them, a piece at a time.
    """
    size = max(CELLS // model.vocabulary.size, 1)
    for begin in range(0, len(ids), size):
        end = min(begin + size, len(ids))
        first = max(begin - model.order + 1, 0)
        places = np.arange(begin, end) - first + 1
        yield slice(begin, end), _rows(model, ids[first:end], opens[first:end], places)


def _rows(model: NGram, ids: Ints, opens: Flags, places: Ints) -> Reals:
    """Rows behind the first n ids, for each place n; 0 is the empty context."""
    states = trace(model.counts, ids, opens, model.order - 1)
    nowhere = np.full(1, -1, np.int32)
    contexts = [np.concatenate([nowhere, state])[places] for state in states]
    root = np.zeros(len(places), np.int32)
    return model.mixture.everything(walk(model.counts, [root, *contexts]))
