"""`metrics.jsonl`: rows that are appended, and cut back to a checkpoint when a run goes on."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME = "metrics.jsonl"


class Metrics:
    """The open file of a run.

    Args:
        run: the run's folder.
        keep: bytes to keep of what is there.
    """

    def __init__(self, run: Path, keep: int = 0) -> None:
        self._file = (run / NAME).open("ab")
        self._file.truncate(min(keep, self._file.tell()))
        self._file.seek(0, os.SEEK_END)

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row; numbers that are not finite become null.

        Args:
            row: plain values by name.
        """
        finite = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in row.items()
        }
        self._file.write(json.dumps(finite).encode() + b"\n")
        self._file.flush()

    def size(self) -> int:
        """Bytes that are safely on the disk."""
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_rows(run: Path) -> tuple[dict[str, Any], ...]:
    """All whole rows; a last one that a killed process left unfinished is passed over.

    Args:
        run: the run's folder.

    Returns:
        The rows, in order.
    """
    path = run / NAME
    text = path.read_bytes() if path.exists() else b""
    return tuple(json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines())
