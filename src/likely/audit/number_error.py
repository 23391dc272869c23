"""How far predicted numbers lie from those that came, at the tokens that are numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from torch import Tensor

from likely.audit.predictions import in_windows
from likely.core.batch import Batch
from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.core.stats import Statistic
from likely.data.packing import evaluation_batches
from likely.data.tokens import Tokens
from likely.models.reader import Reader

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NumberError:
    """Absolute errors, one a token that is a number, in the order of the text.

    Args:
        expected: |expected value − value|, the expectation over the tokens that are numbers.
        greedy: |value of the likeliest of them − value|.
    """

    expected: Array
    greedy: Array


def number_error(
    reader: Reader,
    tokens: Tokens,
    *,
    length: Annotated[int, Ge(1)] | None = None,
    rows: Annotated[int, Ge(1)] = 16,
) -> NumberError:
    r"""Errors of the numbers that a model predicts where the text has one.

    $$ \Big| \frac{\sum_{v \in A} p_v \nu_v}{\sum_{v \in A} p_v} - \nu_y \Big| $$

    A holds the tokens that spell a number, ν is what they spell. A number of several tokens counts
    once for each of them, by that token's own value: with digits for tokens these are errors of
    digits, whatever their place.

    Args:
        reader: any model.
        tokens: the text.
        length: positions of a window; None for the model's own `window`.
        rows: windows read at once; it changes nothing but speed and memory.

    Returns:
        The errors.

    Raises:
        BadSetting: `length` or `rows` below 1.
        BadInput: no token of the text is a number.

    Example:
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.data.corpus import Corpus, Document
        >>> from likely.data.tokens import encode
        >>> from likely.models.feed_forward import feed_forward
        >>> text = encode(Corpus("one", (Document("a", "1+2=3"),)), Vocabulary.of_bytes())
        >>> number_error(feed_forward(text.vocabulary, width=4), text).expected.shape
        (3,)

    References:
        Zausinger et al., Regress, Don't Guess: A Regression-like Loss on Number Tokens, 2024.
        arXiv:2411.02083.
    """
    checked(number_error, locals())
    value = tokens.vocabulary.number_value
    ids = np.flatnonzero(np.isfinite(value))
    if not np.isin(tokens.ids, ids).any():
        raise BadInput(
            "number_error: no token of this text is a number, so no error can be measured; choose "
            "a text with numbers, or a tokenizer that does not hide them in longer tokens."
        )
    length = reader.window if length is None else length
    found, parts = _ReadOff(ids, value[ids], reader.device), []
    batches = evaluation_batches(tokens, length=length, rows=rows)
    wish = {"numbers": Statistic("row", settings={"f": found})}
    for batch, stats in in_windows(reader, _at_numbers(batches, value), wish):
        counts = (batch.weight > 0).numpy()
        wanted = value[batch.target.numpy()[counts]]
        parts.append(np.abs(stats["numbers"].cpu().numpy()[counts] - wanted[:, None]))
    expected, greedy = np.concatenate(parts).T
    return NumberError(expected, greedy)


def _at_numbers(batches: Iterator[Batch], value: Array) -> Iterator[Batch]:
    """Batches in which only numbers count; none where there is no number."""
    is_number = torch.from_numpy(np.isfinite(value))
    for batch in batches:
        weight = batch.weight * is_number[batch.target.long()]
        if bool((weight > 0).any()):
            yield replace(batch, weight=weight)


class _ReadOff:
    """Expected value and value of the likeliest, from the logits of the tokens that are numbers."""

    def __init__(self, ids: NDArray[np.int64], value: Array, device: torch.device) -> None:
        self.ids = torch.from_numpy(ids).to(device)
        self.value = torch.from_numpy(value).to(device)

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        del targets
        among = logits[:, self.ids].double()
        return torch.stack([among.softmax(-1) @ self.value, self.value[among.argmax(-1)]], -1)
