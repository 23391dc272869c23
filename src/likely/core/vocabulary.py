"""What is known of each token id."""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import SupportsInt

import numpy as np
from numpy.typing import NDArray

from likely.core.errors import BadInput
from likely.core.tokenizer import Tokenizer

FORMAT = 2
"""Of `Vocabulary.to_dict`; 1 knew neither counts nor tokenizers, and is still read."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Per id: its bytes, how often it was seen, its value as a number, whether it is special.

    Args:
        bytes_of: the bytes each id stands for; empty for special ids.
        bos: id that every document starts from.
        eos: id that every document ends with, and that is scored.
        special: ids that stand for no text.
        counts: how often each id occurs in the training text, `[V]`, if known.
        tokenizer: what cuts text into these ids; None where ids are bytes.

    Example:
        >>> Vocabulary.of_bytes().decode([104, 105, 256])
        'hi'
    """

    bytes_of: tuple[bytes, ...]
    bos: int
    eos: int
    special: frozenset[int] = frozenset()
    counts: NDArray[np.int64] | None = field(default=None, repr=False)
    tokenizer: Tokenizer | None = field(default=None, repr=False)

    @classmethod
    def of_bytes(cls) -> "Vocabulary":
        """256 bytes and one id, 256, that opens and closes a document."""
        bytes_of = (*(bytes([b]) for b in range(256)), b"")
        return cls(bytes_of, bos=256, eos=256, special=frozenset({256}))

    @property
    def size(self) -> int:
        """V: how many ids there are."""
        return len(self.bytes_of)

    @property
    def is_bytes(self) -> bool:
        """True where id b is byte b for the first 256 ids and all others are special."""
        return self.bytes_of[:256] == _BYTES and set(range(256, self.size)) == set(self.special)

    @cached_property
    def number_value(self) -> NDArray[np.float64]:
        """The number an id spells by itself (``"7"``, ``" 42"``, ``"3.5"``), else NaN, `[V]`.

        Digits of any script, with a point between them at most, and spaces around them: those that
        a tokenizer writes with a word. A sign, a separator or an exponent makes no number (whether
        ``"-7"`` is one depends on what stands before it), nor does a bare ``"."`` beside digits.
        """
        values = np.array([_number(b) for b in self.bytes_of], np.float64)
        values.flags.writeable = False
        return values

    @property
    def fingerprint(self) -> str:
        """A short hash that two equal vocabularies share."""
        spelled = repr((self.bytes_of, self.bos, self.eos, sorted(self.special)))
        if self.tokenizer is not None:
            spelled += self.tokenizer.fingerprint
        return hashlib.sha256(spelled.encode()).hexdigest()[:16]

    def encode(self, text: str | bytes) -> NDArray[np.int64]:
        """Text as ids, without BOS and EOS.

        Args:
            text: what to encode; a string is taken as UTF-8.

        Returns:
            Ids, `[n]`.

        Raises:
            BadInput: bytes that are no UTF-8, or a vocabulary without its tokenizer.
        """
        return self.encode_many([text])[0]

    def encode_many(self, texts: Sequence[str | bytes]) -> list[NDArray[np.int64]]:
        """Ids of several texts, which is quicker than one after the other.

        Args:
            texts: what to encode; strings are taken as UTF-8.

        Returns:
            Ids of each, without BOS and EOS.

        Raises:
            BadInput: bytes that are no UTF-8, or a vocabulary without its tokenizer.
        """
        if self.tokenizer is not None:
            return self.tokenizer.encode_many([_as_text(text) for text in texts])
        if not self.is_bytes:
            raise BadInput(
                "This vocabulary is not made of bytes, so text cannot be encoded by it alone: "
                "encode with the tokenizer that it came from."
            )
        data = (_as_bytes(text) for text in texts)
        return [np.frombuffer(each, dtype=np.uint8).astype(np.int64) for each in data]

    def decode(self, ids: Iterable[SupportsInt]) -> str:
        """The text that ids spell; bytes that are no UTF-8 show as �.

        Args:
            ids: tokens; special ones spell nothing.

        Returns:
            The text.
        """
        return b"".join(self.bytes_of[int(i)] for i in ids).decode("utf-8", errors="replace")

    def to_dict(self) -> dict[str, object]:
        """What `from_dict` needs, as plain JSON values; of the tokenizer only its name."""
        return {
            "format": FORMAT,
            "bytes_of": [b.hex() for b in self.bytes_of],
            "bos": self.bos,
            "eos": self.eos,
            "special": sorted(self.special),
            "counts": None if self.counts is None else self.counts.tolist(),
            "tokenizer": None if self.tokenizer is None else self.tokenizer.name,
        }

    @classmethod
    def from_dict(
        cls, data: Mapping[str, object], tokenizer: Tokenizer | None = None
    ) -> "Vocabulary":
        """The vocabulary that `to_dict` wrote.

        Args:
            data: parsed JSON.
            tokenizer: what cuts its text, where it has one.

        Returns:
            An equal vocabulary.

        Raises:
            BadInput: written by a later format, or damaged.
        """
        if data.get("format") not in (1, FORMAT):
            raise BadInput(
                f"This vocabulary has format {data.get('format')!r}, and this version of likely "
                f"reads format 1 and {FORMAT}: install a newer likely."
            )
        try:
            rows, special = data["bytes_of"], data["special"]
            assert isinstance(rows, Sequence)
            assert isinstance(special, Sequence)
            bytes_of = tuple(bytes.fromhex(b) for b in rows)
            bos, eos = int(str(data["bos"])), int(str(data["eos"]))
            counts = data.get("counts")
            assert counts is None or isinstance(counts, Sequence)
            counted = None if counts is None else np.array(counts, np.int64)
            return cls(bytes_of, bos, eos, frozenset(map(int, special)), counted, tokenizer)
        except (KeyError, ValueError, AssertionError, TypeError) as problem:
            raise BadInput(f"This vocabulary cannot be read: {problem!r} in its JSON.") from problem


_BYTES = tuple(bytes([b]) for b in range(256))


def _as_bytes(text: str | bytes) -> bytes:
    try:
        return text.encode("utf-8") if isinstance(text, str) else text
    except UnicodeEncodeError as problem:
        raise BadInput(
            f"Character {problem.start} of what is to be encoded is half a surrogate pair, which "
            "UTF-8 cannot write: repair or remove it."
        ) from problem


def _as_text(text: str | bytes) -> str:
    try:
        return _as_bytes(text).decode("utf-8")
    except UnicodeDecodeError as problem:
        raise BadInput(
            f"Byte {problem.start} of what is to be encoded is not valid UTF-8, and this "
            "vocabulary is not made of bytes: give text."
        ) from problem


_NUMBER = re.compile(r" *(\d+(?:\.\d+)?) *")
_NONE = float("nan")


def _number(data: bytes) -> float:
    found = _NUMBER.fullmatch(data.decode("utf-8", errors="replace"))
    value = float(found[1]) if found else _NONE
    return value if math.isfinite(value) else _NONE  # more digits than a float can hold
