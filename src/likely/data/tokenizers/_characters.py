"""Text cut into characters, and characters that are not known into bytes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = "characters.json"
FIRST = 256
"""The id of the first character; those below are bytes."""


@dataclass(frozen=True, eq=False)
class Characters:
    """A tokenizer of characters.

    Args:
        name: what it is called.
        known: characters with an id of their own, in the order of their ids.
    """

    name: str
    known: str

    @property
    def fingerprint(self) -> str:
        """A short hash of the characters."""
        return hashlib.sha256(self.known.encode("utf-8")).hexdigest()[:16]

    @cached_property
    def _id_of(self) -> NDArray[np.int64]:
        """The id of every code point, −1 for those without one."""
        table = np.full(0x110000, -1, np.int64)
        table[_points(self.known)] = FIRST + np.arange(len(self.known))
        return table

    def encode_many(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Ids of several texts.

        Args:
            texts: what to encode.

        Returns:
            One array a text.
        """
        return [self._encode(text) for text in texts]

    def _encode(self, text: str) -> NDArray[np.int64]:
        points = _points(text)
        ids = self._id_of[points]
        unknown = ids < 0
        if not unknown.any():
            return ids
        width = 1 + sum((points >= limit).astype(np.int64) for limit in (0x80, 0x800, 0x10000))
        width = np.where(unknown, width, 1)
        out = np.repeat(ids, width)
        spelled = points[unknown].tobytes().decode("utf-32-le").encode("utf-8")
        out[np.repeat(unknown, width)] = np.frombuffer(spelled, np.uint8)
        return out

    def save(self, folder: Path) -> None:
        """Write `characters.json`.

        Args:
            folder: where to.
        """
        data = {"format": 1, "characters": self.known}
        (folder / FILE).write_text(json.dumps(data) + "\n", encoding="utf-8")


def _points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), "<u4")
