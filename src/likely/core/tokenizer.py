"""What a vocabulary needs of whatever cuts its text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class Tokenizer(Protocol):
    """Cuts text into ids, and can be written beside a model."""

    @property
    def name(self) -> str:
        """What it is, as the recipe wrote it: `bpe(size=4096)`."""

    @property
    def fingerprint(self) -> str:
        """A short hash that two tokenizers share only if they cut all texts alike."""

    def encode_many(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Ids of several texts, without BOS and EOS.

        Args:
            texts: what to encode.

        Returns:
            One array a text.
        """

    def save(self, folder: Path) -> None:
        """Write what `likely.data.tokenizers` needs to read it back.

        Args:
            folder: where to; it exists.
        """
