"""Arithmetic coding: a text as one stream of bits, as few as the model is surprised by it."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, SupportsInt

import numpy as np
from annotated_types import Interval

from likely.core.errors import BadInput, Unsupported
from likely.core.settings import checked
from likely.models._codes import Account, Coder, Ids, cut, joined, must_divide
from likely.models._following import along, behind, over_bytes
from likely.models.reader import Reader

__all__ = ["Account", "ArithmeticCoding", "arithmetic_coding"]

WORD = 32  # bits that the range coder writes at a time


class ArithmeticCoding(Coder):
    """A text as the stream of a range coder; the context runs on to its end.

    Args:
        model: an n-gram over bytes.
        token_bits: bits of a token.

    Raises:
        Unsupported: the library of coders is not installed.
    """

    def __init__(self, model: Reader, token_bits: int) -> None:
        super().__init__(token_bits)
        self.model, library = over_bytes(model, "arithmetic_coding"), _library()
        self._queue = library.stream.queue
        self._rows = library.stream.model.Categorical(perfect=False)

    def code(self, texts: Sequence[str | bytes]) -> list[tuple[Ids, float]]:
        """Tokens and information of several texts, each a stream of its own.

        Args:
            texts: what to write; strings are taken as UTF-8.

        Returns:
            Ids without BOS and EOS, and −log2 p of the text and its end.
        """
        vocabulary = self.model.vocabulary
        parts = vocabulary.encode_many(texts)
        begins = np.cumsum([0, *(len(part) + 1 for part in parts)])
        read = np.concatenate([np.append(vocabulary.bos, part) for part in parts] or [begins[:0]])
        targets = np.concatenate([np.append(part, vocabulary.eos) for part in parts] or [read])
        opens = np.zeros(len(read), bool)
        opens[begins[:-1]] = True
        streams = [self._queue.RangeEncoder() for _ in parts]
        information = np.zeros(len(parts))
        for places, rows in along(self.model, read, opens):
            here = targets[places].astype(np.int32)
            bits = -np.log2(rows[np.arange(len(here)), here])
            first, last = np.searchsorted(begins, [places.start, places.stop - 1], side="right") - 1
            for n in range(first, last + 1):
                own = slice(*np.clip(begins[n : n + 2] - places.start, 0, len(here)).tolist())
                streams[n].encode(here[own], self._rows, rows[own])
                information[n] += bits[own].sum()
        return [
            (cut(stream.get_compressed().astype(np.uint64), WORD, self.token_bits), bits)
            for stream, bits in zip(streams, information.tolist(), strict=True)
        ]

    def decode(self, ids: Iterable[SupportsInt]) -> bytes:
        """The bytes that were encoded.

        Args:
            ids: all tokens of one stream; BOS and EOS are passed over.

        Returns:
            The text.

        Raises:
            BadInput: ids that are no code, or a code that does not end.
        """
        words = np.array(joined(ids, WORD, self.token_bits), np.uint32)
        decoder, end = self._queue.RangeDecoder(words), self.model.vocabulary.eos
        read, most = [self.model.vocabulary.bos], self.model.order - 1
        while True:
            recent = np.array(read[max(len(read) - most, 0) :] if most else [], np.int64)
            row = behind(self.model, [recent])
            symbol = int(decoder.decode(self._rows, row)[0])
            if symbol == end:
                return bytes(read[1:])
            read.append(symbol)


def arithmetic_coding(
    model: Reader, *, token_bits: Annotated[int, Interval(ge=1, le=16)] = 8
) -> ArithmeticCoding:
    r"""Make a codec of an n-gram: a text as one stream of about −log2 p bits.

    $$ \text{bits} \approx -\log_2 p(w_1 \dots w_n) = -\sum_i \log_2 p(w_i \mid w_1 \dots w_{i-1}) $$
    Each text is a stream of its own that begins behind BOS and ends with EOS, padded to words of
    32 bits. What a token means depends on everything before it.

    Args:
        model: an n-gram over bytes.
        token_bits: bits of a token that a second model reads; they divide 32.

    Returns:
        The codec: `encode`, `decode`, and `read` for a whole corpus.

    Raises:
        BadSetting: bits out of range, or tokens that do not fill a word.
        Unsupported: a model that is no n-gram over bytes, or constriction is not installed.

    Example:
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.data.corpus import Corpus, Document
        >>> from likely.data.tokens import encode
        >>> from likely.models.ngram import ngram
        >>> train, held_out = (
        ...     encode(Corpus(n, (Document(n, t),)), Vocabulary.of_bytes())
        ...     for n, t in (("a", "to be or not to be " * 9), ("b", "to be to not"))
        ... )
        >>> codec = arithmetic_coding(ngram(train, held_out, order=3))
        >>> codec.decode(codec.encode("not to be or to be"))
        b'not to be or to be'

    References:
        Martin 1979, *Range encoding: an algorithm for removing redundancy from a digitised
        message*; Bamler 2022, *Understanding entropy coding with asymmetric numeral systems*,
        arXiv:2201.01741 (the library, constriction); Lester et al. 2024, *Training LLMs over
        Neurally Compressed Text*, arXiv:2404.03626 (as what a second model cannot learn from).
    """
    checked(arithmetic_coding, locals())
    must_divide("arithmetic_coding", token_bits, "a word", WORD)
    return ArithmeticCoding(model, token_bits)


def _library() -> Any:
    try:
        import constriction
    except ImportError as problem:
        raise Unsupported(
            'Arithmetic coding needs constriction: pip install "likely[coding]".'
        ) from problem
    return constriction
