"""Codes as tokens: what a second model reads in place of bytes, and what they cost."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import SupportsInt

import numpy as np
from numpy.typing import NDArray

from likely.core.errors import BadInput, BadSetting
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.tokens import Tokens

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Account:
    """What a text costs in code.

    Args:
        bytes: of UTF-8.
        tokens: of code.
        bits: of all tokens.
        information: −log2 of the probability that the first model gives the text, where it
            forgets what the coder makes it forget.

    Example:
        >>> account = Account(bytes=10, tokens=4, bits=32, information=30.0)
        >>> account.bits_per_byte, account.waste_bits_per_byte, account.bytes_per_token
        (3.2, 0.2, 2.5)
    """

    bytes: int
    tokens: int
    bits: int
    information: float

    @property
    def bits_per_byte(self) -> float:
        """Bits of code for each byte of text, all waste included."""
        return self.bits / self.bytes

    @property
    def waste_bits_per_byte(self) -> float:
        """Bits that are written and say nothing, for each byte of text."""
        return (self.bits - self.information) / self.bytes

    @property
    def bytes_per_token(self) -> float:
        """Bytes of text that a token stands for."""
        return self.bytes / self.tokens


class Coder(ABC):
    """Writes text as tokens of a fixed number of bits, driven by a model, and reads it back.

    Args:
        token_bits: bits of a token.
    """

    def __init__(self, token_bits: int) -> None:
        self.token_bits, self.vocabulary = token_bits, code_vocabulary(token_bits)

    @abstractmethod
    def code(self, texts: Sequence[str | bytes]) -> list[tuple[Ids, float]]:
        """Tokens and information of several texts, which is quicker than one after the other.

        Args:
            texts: what to write; strings are taken as UTF-8.

        Returns:
            Ids without BOS and EOS, and −log2 p, of each.
        """

    @abstractmethod
    def decode(self, ids: Iterable[SupportsInt]) -> bytes:
        """The bytes that were encoded.

        Args:
            ids: tokens; BOS and EOS are passed over.

        Returns:
            The text.
        """

    def encode(self, text: str | bytes) -> Ids:
        """Tokens of a text.

        Args:
            text: what to write; a string is taken as UTF-8.

        Returns:
            Ids without BOS and EOS.
        """
        return self.code([text])[0][0]

    def read(self, corpus: Corpus) -> tuple[Tokens, Account]:
        """A corpus in code, for a second model to be trained on.

        Args:
            corpus: what to write.

        Returns:
            Tokens of every document, each closed by EOS, with the bytes of the text itself, so that
            bits per byte stay what they are; and what it costs, EOS not counted.
        """
        coded = self.code([document.text for document in corpus])
        end = np.array([self.vocabulary.eos], np.int64)
        parts = [part for ids, _ in coded for part in (ids, end)]
        tokens = Tokens(
            ids=np.concatenate([*parts, end[:0]]).astype(np.int32),
            offsets=np.cumsum([0, *(len(ids) + 1 for ids, _ in coded)], dtype=np.int64),
            names=tuple(document.id for document in corpus),
            domains=tuple(document.domain for document in corpus),
            byte_lengths=np.array([document.bytes for document in corpus], np.int64),
            vocabulary=self.vocabulary,
        )
        count = sum(len(ids) for ids, _ in coded)
        information = sum(bits for _, bits in coded)
        return tokens, Account(corpus.bytes, count, count * self.token_bits, information)


def code_vocabulary(token_bits: int) -> Vocabulary:
    """One id for each value that a token can have, and one that opens and closes a document.

    Args:
        token_bits: bits of a token.

    Returns:
        The vocabulary; a token of code spells no bytes by itself.
    """
    size = 1 << token_bits
    return Vocabulary((b"",) * (size + 1), bos=size, eos=size, special=frozenset({size}))


def must_divide(where: str, token_bits: int, name: str, bits: int) -> None:
    """Refuse tokens that do not fill a word or window of code.

    Args:
        where: what is being made, for the message.
        token_bits: bits of a token.
        name: what is cut into tokens.
        bits: its bits.

    Raises:
        BadSetting: a remainder is left.
    """
    if bits % token_bits:
        fit = ", ".join(str(n) for n in range(1, 17) if bits % n == 0)
        problem = f"token_bits={token_bits} should divide {name} of {bits} bits: {fit}."
        raise BadSetting(where, [problem])


def cut(codes: NDArray[np.uint64], bits: int, token_bits: int) -> Ids:
    """Codes as tokens, the highest bits first.

    Args:
        codes: numbers below 2^bits.
        bits: of a code.
        token_bits: of a token; divides `bits`.

    Returns:
        bits / token_bits ids for each code.

    Example:
        >>> cut(np.array([0x1234], np.uint64), 16, 8).tolist() == [0x12, 0x34]
        True
    """
    shifts = np.arange(bits - token_bits, -1, -token_bits).astype(np.uint64)
    mask = np.uint64((1 << token_bits) - 1)
    return ((codes[:, None] >> shifts) & mask).astype(np.int64).reshape(-1)


def joined(ids: Iterable[SupportsInt], bits: int, token_bits: int) -> list[int]:
    """The codes that were cut.

    Args:
        ids: tokens; the id that opens and closes documents is passed over.
        bits: of a code.
        token_bits: of a token.

    Returns:
        The codes.

    Raises:
        BadInput: ids that are no code, or a code that is not complete.
    """
    size, many = 1 << token_bits, bits // token_bits
    plain = [number for number in map(int, ids) if number != size]
    wrong = next((number for number in plain if not 0 <= number < size), None)
    if wrong is not None:
        raise BadInput(
            f"The id {wrong} is no token of {token_bits} bits (0 to {size - 1}): decode what the "
            "same coder has encoded."
        )
    if len(plain) % many:
        raise BadInput(
            f"{len(plain)} tokens of {token_bits} bits are no whole number of codes of {bits} "
            f"bits, {many} tokens each: give all tokens of the text."
        )
    out = []
    for begin in range(0, len(plain), many):
        code = 0
        for number in plain[begin : begin + many]:
            code = code << token_bits | number
        out.append(code)
    return out
