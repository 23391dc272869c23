"""What a model predicts at every token of a text: how sure it is, and whether it is right."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from likely.core.batch import Batch
from likely.core.settings import checked
from likely.core.stats import Stats, Want
from likely.data.packing import evaluation_batches
from likely.data.tokens import Tokens
from likely.models._judge import evaluating
from likely.models.reader import Reader

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Predictions:
    """One row a token of a text, in its order.

    Args:
        log_prob: log p of the token, in nats.
        correct: whether no token was likelier.
        confidence: probability of the likeliest token.
        entropy: of the prediction, in nats.
    """

    log_prob: Array
    correct: NDArray[np.bool_]
    confidence: Array
    entropy: Array


def predictions(
    reader: Reader,
    tokens: Tokens,
    *,
    length: Annotated[int, Ge(1)] | None = None,
    rows: Annotated[int, Ge(1)] = 16,
) -> Predictions:
    """Read a text once, with at least half a window before every token.

    Args:
        reader: any model.
        tokens: the text.
        length: positions of a window; None for the model's own `window`.
        rows: windows read at once; it changes nothing but speed and memory.

    Returns:
        Log-probabilities as `likelihood` sums them, and the rest beside them.

    Raises:
        BadSetting: `length` or `rows` below 1.
        BadInput: there are no documents.

    Example:
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.data.corpus import Corpus, Document
        >>> from likely.data.tokens import encode
        >>> from likely.models.feed_forward import feed_forward
        >>> text = encode(Corpus("one", (Document("a", "abc"),)), Vocabulary.of_bytes())
        >>> found = predictions(feed_forward(text.vocabulary, width=4), text)
        >>> found.entropy.shape, bool((found.log_prob <= np.log(found.confidence) + 1e-6).all())
        ((4,), True)
    """
    checked(predictions, locals())
    want = ("log_prob", "rank", "entropy", "max_logit", "lse")
    parts: dict[str, list[Array]] = {name: [] for name in want}
    for batch, stats in in_windows(
        reader, evaluation_batches(tokens, **_sizes(reader, length, rows)), want
    ):
        counts = (batch.weight > 0).numpy()
        for name in want:
            parts[name].append(stats[name].double().cpu().numpy()[counts])
    found = {name: np.concatenate(part) for name, part in parts.items()}
    log_prob, correct = found["log_prob"], found["rank"] == 0
    if type(reader).judge is not Reader.judge:  # It has a way of its own, as n-grams do.
        log_prob, correct = reader.judge(tokens, length=length, rows=rows)
    confidence = np.exp(np.minimum(found["max_logit"] - found["lse"], 0.0))
    return Predictions(log_prob, correct, confidence, found["entropy"])


def in_windows(
    reader: Reader, batches: Iterator[Batch], want: Want
) -> Iterator[tuple[Batch, Stats]]:
    """Read batches without gradient and without dropout.

    Args:
        reader: any model; as it was, when all has been read.
        batches: what it reads.
        want: statistics.

    Yields:
        Each batch and what was measured there.
    """
    with evaluating(reader):
        for batch in batches:
            yield batch, reader.read(batch.to(reader.device), want)


def _sizes(reader: Reader, length: int | None, rows: int) -> dict[str, Any]:
    return {"length": reader.window if length is None else length, "rows": rows}
