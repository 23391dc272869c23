"""What a sidecar says of itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from likely.core.errors import BadInput

FORMAT = 1
"""Of the manifest, and with it of the shards."""
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What a sidecar holds, and what it was measured by.

    Args:
        role: of the model, as entries name it: `reference`, `teacher`.
        columns: type and width of each column by its name, such as `{"reference_log_prob":
            ("float32", 0)}`; a width of 0 is one number a token.
        model: its `kind`, the `fingerprint` of its weights, and its `path`.
        vocabulary: fingerprint of what cut the text.
        corpus: fingerprint of the text.
        settings: what the numbers depend on besides: `length` and `rows` of the windows.
        shards: the first document of each shard, and the number of all.
    """

    role: str
    columns: Mapping[str, tuple[str, int]]
    model: Mapping[str, str]
    vocabulary: str
    corpus: str
    settings: Mapping[str, Any]
    shards: tuple[int, ...]


def plain(manifest: Manifest) -> dict[str, Any]:
    """A manifest as JSON has it.

    Args:
        manifest: what a sidecar holds.

    Returns:
        Plain values.
    """
    values: dict[str, Any] = json.loads(json.dumps(asdict(manifest)))
    return values


def read_manifest(folder: str | Path) -> Manifest:
    """What a sidecar holds.

    Args:
        folder: where it lies.

    Returns:
        Its manifest.

    Raises:
        BadInput: there is no sidecar, or one of another format.
    """
    path = Path(folder) / MANIFEST
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("format") != FORMAT:
            raise BadInput(
                f"{path}: this sidecar has another format than {FORMAT}, the one that this version "
                "of likely reads: install a newer likely, or measure again."
            )
        columns = {name: (str(kind), int(width)) for name, (kind, width) in data["columns"].items()}
        return Manifest(**{**data, "columns": columns, "shards": tuple(data["shards"])})
    except OSError as problem:
        raise BadInput(
            f"{folder}: there is no sidecar here (no {MANIFEST}); make one with: likely measure "
            f"MODEL DATA --out {folder}"
        ) from problem
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        if isinstance(problem, BadInput):
            raise
        raise BadInput(f"{path}: this manifest is damaged ({problem!r}).") from problem
