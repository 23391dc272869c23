"""Text cut into tokens so that borders within it hold, and which stretch a token belongs to."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likely.core.vocabulary import Vocabulary

Ids = NDArray[np.signedinteger[Any]]
Encode = Callable[[Sequence[str]], list[Ids]]
"""Several texts as ids, without BOS and EOS."""


def cut_many(
    groups: Sequence[Sequence[str]], vocabulary: Vocabulary, encode: Encode
) -> list[list[Ids]]:
    """Tokens of texts that follow each other, none of which reaches across a border.

    What stands before a border is cut as if the text ended there, as it is when a model goes on
    from a prompt; what follows has the tokens that it has within the whole text, where those begin
    with the same ones, and otherwise those it has by itself. A tokenizer that would put a space
    before it then, or does not spell what it read, is left its own tokens: one that reaches across
    the border belongs to what follows.

    Args:
        groups: texts that follow each other, as many groups as there are sides.
        vocabulary: what ids spell.
        encode: cuts texts.

    Returns:
        Ids of each text of each group.
    """
    starts = [list(accumulate(texts)) for texts in groups]
    whole = iter(encode([text for texts in starts for text in texts]))
    return [_cut(texts, [next(whole) for _ in texts], vocabulary, encode) for texts in groups]


def _cut(
    texts: Sequence[str], starts: Sequence[Ids], vocabulary: Vocabulary, encode: Encode
) -> list[Ids]:
    """Ids of each text, from those of the first, of the first two and so on."""
    made: list[Ids] = []
    have = np.zeros(0, np.int64)
    for text, ids in zip(texts, starts, strict=True):
        common = shared(have, ids)
        if common == len(have):
            made.append(ids[common:])
        else:
            alone = encode([text])[0]
            if spelled(alone, vocabulary) == text.encode("utf-8"):
                made.append(alone)
            else:
                _give_back(made, len(have) - common)
                have = have[:common]
                made.append(ids[common:])
        have = np.concatenate([have, made[-1]])
    return made


def _give_back(made: list[Ids], count: int) -> None:
    """Take so many tokens off the end."""
    for place in reversed(range(len(made))):
        taken = min(count, len(made[place]))
        made[place] = made[place][: len(made[place]) - taken]
        count -= taken


def shared(one: Ids, other: Ids) -> int:
    """How many ids two sequences begin with in common.

    Args:
        one: a sequence.
        other: another.

    Returns:
        The number.
    """
    short = min(len(one), len(other))
    differ = np.flatnonzero(one[:short] != other[:short])
    return int(differ[0]) if len(differ) else short


def spelled(ids: Ids, vocabulary: Vocabulary) -> bytes:
    """The bytes that ids stand for.

    Args:
        ids: tokens.
        vocabulary: what they spell.

    Returns:
        The bytes; special ids have none.
    """
    return b"".join(vocabulary.bytes_of[int(i)] for i in ids)


def stretch_of(
    ids: Ids, text: str, starts: Sequence[int], vocabulary: Vocabulary, encode: Encode
) -> Ids:
    """Which stretch of a text each token belongs to: the one it ends in.

    Where the tokens spell the text, their bytes are counted. Where they do not (a tokenizer that
    lowers case, names of special tokens), the text is cut up to each border, and what changes there
    belongs to what follows.

    Args:
        ids: tokens of the text.
        text: what they were cut from.
        starts: where stretches begin, in characters, rising from 0.
        vocabulary: what ids spell.
        encode: cuts texts.

    Returns:
        Numbers of stretches, one a token.
    """
    if len(starts) < 2:
        return np.zeros(len(ids), np.int64)
    found, data = spelled(ids, vocabulary), text.encode("utf-8")
    extra = len(found) - len(data)
    if found == data or (extra == 1 and found == b" " + data):
        ends = np.cumsum([len(vocabulary.bytes_of[int(i)]) for i in ids]) - extra
        begins = [len(text[:start].encode("utf-8")) for start in starts]
        number = np.searchsorted(begins, ends - 1, side="right") - 1
        return np.maximum(number, 0).astype(np.int64)
    before = encode([text[:start] for start in starts[1:]])
    firsts = np.maximum.accumulate([0, *(shared(part, ids) for part in before)])
    return np.searchsorted(firsts, np.arange(len(ids)), side="right").astype(np.int64) - 1
