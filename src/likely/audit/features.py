"""One vector a text: what a model's last layer holds after reading it."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from annotated_types import Ge
from jaxtyping import Float
from numpy.typing import NDArray

from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.data.corpus import Corpus, Document
from likely.data.packing import evaluation_batches
from likely.data.tokens import Tokens, encode
from likely.models._judge import evaluating
from likely.models.reader import Reader


def features(
    reader: Reader,
    texts: Sequence[str],
    *,
    length: Annotated[int, Ge(1)] | None = None,
    rows: Annotated[int, Ge(1)] = 16,
) -> Float[NDArray[np.float32], "M D"]:
    """The last hidden state at the last token of each text, as MAUVE compares texts.

    The model is one that is at hand; nothing is fetched. Distances between such vectors mean
    something within one model only: compare texts by the same reader.

    Args:
        reader: a model with hidden states.
        texts: what to read, each from BOS.
        length: tokens of a text to read, BOS among them; what follows is left out. None for the
            model's own `window`.
        rows: texts read at once; it changes nothing but speed and memory.

    Returns:
        One row a text, in their order.

    Raises:
        BadSetting: `length` or `rows` below 1.
        BadInput: there are no texts.
        Unsupported: the model has no hidden states (an n-gram).

    Example:
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.models.feed_forward import feed_forward
        >>> features(feed_forward(Vocabulary.of_bytes(), width=4), ["one", "another"]).shape
        (2, 4)
    """
    checked(features, locals())
    if not len(texts):
        raise BadInput("features: there are no texts to read; give at least one.")
    documents = tuple(Document(str(number), text) for number, text in enumerate(texts))
    tokens = encode(Corpus("texts", documents), reader.vocabulary)
    length = reader.window if length is None else length
    found: list[NDArray[np.float32]] = []
    with evaluating(reader):
        for batch in evaluation_batches(_begin(tokens, length), length=length, rows=rows):
            hidden, _ = reader.hidden(batch.to(reader.device))
            found.append(hidden.float().cpu().numpy()[_ends(batch.document.numpy())])
    return np.concatenate(found)


def _begin(tokens: Tokens, length: int) -> Tokens:
    """The first tokens of each document; what is read then is BOS and all of them but the last."""
    sizes = np.minimum(np.diff(tokens.offsets), length)
    ids = [tokens.ids[at : at + size] for at, size in zip(tokens.offsets, sizes, strict=False)]
    return Tokens(
        ids=np.concatenate(ids),
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        names=tokens.names,
        domains=tokens.domains,
        byte_lengths=tokens.byte_lengths,
        vocabulary=tokens.vocabulary,
    )


def _ends(document: NDArray[np.int64]) -> NDArray[np.int64]:
    """The last position of each document; −1 is padding."""
    return np.flatnonzero((document >= 0) & (document != np.append(document[1:], -1)))
