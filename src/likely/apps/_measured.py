"""Tokens measured one by one, in the windows of an evaluation."""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from likely.core.stats import Statistic
from likely.data.packing import evaluation_batches
from likely.data.tokens import Tokens
from likely.models._judge import evaluating
from likely.models.reader import Reader

TOP = 5
_LOGITS = 2**24


class Columns(NamedTuple):
    """Measurements of tokens in order; bits for nats."""

    bits: NDArray[np.float64]
    entropy: NDArray[np.float64]
    rank: NDArray[np.int64]
    top: NDArray[np.int64]
    chance: NDArray[np.float64]

    def part(self, at: slice) -> "Columns":
        """The same of some of the tokens.

        Args:
            at: which.

        Returns:
            Their rows.
        """
        bits, entropy, rank, top, chance = self
        return Columns(bits[at], entropy[at], rank[at], top[at], chance[at])


def measure_tokens(
    reader: Reader, tokens: Tokens, *, first: int = 0, last: int | None = None
) -> Columns:
    """Bits, entropy, rank and the likeliest tokens at each place, in the windows of an evaluation.

    Args:
        reader: any model.
        tokens: the text.
        first: place of the first token wanted.
        last: place after the last one; None for the end.

    Returns:
        One row a token wanted.
    """
    length, last = reader.window, len(tokens.ids) if last is None else last
    rows = max(1, min(32, _LOGITS // (length * reader.vocabulary.size)))
    if last - first < len(tokens.ids):
        rows = 1  # Only the windows that hold a part of what is wanted are read.
    found, end = [], 0
    with evaluating(reader):
        for batch in evaluation_batches(tokens, length=length, rows=rows):
            places = batch.weight.nonzero()[:, 0]
            begin, end = end, end + len(places)
            if end > first and begin < last:
                keep = places[max(first - begin, 0) : last - begin]
                found.append(_measure(reader, batch, keep))
    return Columns(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _measure(reader: Reader, batch: Any, keep: torch.Tensor) -> Columns:
    want = {name: Statistic(name) for name in ("log_prob", "entropy", "rank", "lse")}
    want["top"] = Statistic("top", settings={"k": min(TOP, reader.vocabulary.size)})
    stats = reader.read(batch.to(reader.device), want)
    top, logits = stats["top"]
    chance = (logits - stats["lse"][:, None]).exp()
    bits = stats["log_prob"].double() / -math.log(2), stats["entropy"].double() / math.log(2)
    columns = (*bits, stats["rank"], top, chance.double())
    return Columns(*(column.cpu()[keep].numpy() for column in columns))
