"""Sidecars: what models said of a text, measured once and kept beside it."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from likely.core.disk import sweep, write_whole
from likely.core.errors import BadInput, BadSetting
from likely.data import _shards
from likely.data._manifest import FORMAT, MANIFEST, Manifest, plain, read_manifest
from likely.data.examples import Examples
from likely.data.tokens import Tokens

__all__ = ["Manifest", "attach", "begin", "fingerprint", "read_manifest", "write"]

Text = TypeVar("Text", Tokens, Examples)


def fingerprint(text: Tokens | Examples) -> str:
    """A short hash of a text as tokens: its documents in order, and what cut it.

    Args:
        text: documents, or sides of examples.

    Returns:
        Hexadecimal digits.
    """
    digest = hashlib.sha256(text.vocabulary.fingerprint.encode())
    for part in (text.ids, text.offsets):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]


def begin(folder: Path, manifest: Manifest) -> list[int]:
    """Begin a sidecar, or go on with one.

    Args:
        folder: where it lies or shall lie.
        manifest: what it shall hold.

    Returns:
        Numbers of the shards that are not there yet.

    Raises:
        BadSetting: a sidecar of something else lies there.
        Unsupported: pyarrow is not installed.
    """
    _shards.arrow()
    if (folder / MANIFEST).is_file():
        old, new = (plain(one) for one in (read_manifest(folder), manifest))
        old["model"].pop("path", None)
        known = {**new, "model": {k: v for k, v in new["model"].items() if k != "path"}}
        changed = [f"{k} was {old[k]!r} and is {known[k]!r}." for k in known if old[k] != known[k]]
        if changed:
            raise BadSetting(
                f"{folder}: a sidecar is finished as it was begun (or begun in another folder)",
                changed,
            )
    elif folder.is_dir() and any(folder.iterdir()):
        raise BadSetting(str(folder), ["This folder holds something else; give another one."])
    else:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"format": FORMAT, **plain(manifest)}, indent=1)
        write_whole(folder / MANIFEST, text + "\n")
    sweep(folder)
    return [n for n in range(len(manifest.shards) - 1) if not _shards.path_of(folder, n).is_file()]


def write(folder: Path, number: int, text: Tokens, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write one shard of a sidecar that was begun.

    Args:
        folder: where it lies.
        number: of the shard.
        text: its documents.
        columns: one entry a target of these documents.
    """
    hashes = _shards.digests(text.ids, text.offsets)
    path = _shards.path_of(folder, number)
    _shards.write(path, text.names, hashes, text.offsets, columns)


def attach(text: Text, folders: str | Path | Sequence[str | Path]) -> Text:
    """A text or examples with what was measured of them, as columns.

    A document is found by its tokens, so that a part of what was measured, or the same documents
    in another order, will do. Columns are as they are stored; batches hold them as float32 and
    int64.

    Args:
        text: documents, or examples.
        folders: sidecars, one or several.

    Returns:
        The same with more columns.

    Raises:
        BadInput: no sidecar, one of another vocabulary, one that is not finished or damaged, a
            document that it does not know, or a column that is there already.
        Unsupported: pyarrow is not installed.
    """
    for folder in [folders] if isinstance(folders, str | Path) else folders:
        manifest = read_manifest(folder)
        _fits(text, Path(folder), manifest)
        text = replace(text, columns={**text.columns, **_columns(text, Path(folder), manifest)})
    return text


def _fits(text: Tokens | Examples, folder: Path, manifest: Manifest) -> None:
    if text.vocabulary.fingerprint != manifest.vocabulary:
        raise BadInput(
            f"{folder}: this sidecar was measured on text that another tokenizer has cut; measure "
            "again with a model of this tokenizer."
        )
    twice = [name for name in manifest.columns if name in text.columns]
    if twice:
        raise BadInput(f"{folder}: its column {twice[0]!r} is there already; attach one of both.")
    count = len(manifest.shards) - 1
    missing = [n for n in range(count) if not _shards.path_of(folder, n).is_file()]
    if missing:
        raise BadInput(
            f"{folder}: {len(missing)} of {count} shards of this sidecar are missing, so measuring "
            "has not finished; run the same command again, which goes on with it."
        )


def _columns(text: Tokens | Examples, folder: Path, manifest: Manifest) -> dict[str, NDArray[Any]]:
    count = len(text.ids)
    made: dict[str, NDArray[Any]] = {
        name: np.zeros((count, width) if width else count, kind)
        for name, (kind, width) in manifest.columns.items()
    }
    places: dict[str, list[int]] = defaultdict(list)
    for place, digest in enumerate(_shards.digests(text.ids, text.offsets)):
        places[digest].append(place)
    widths = {name: width for name, (_, width) in manifest.columns.items()}
    for number in range(len(manifest.shards) - 1):
        for _, digest, entries in _shards.rows(_shards.path_of(folder, number), widths):
            for place in places.pop(digest, ()):
                span = slice(*text.offsets[place : place + 2])
                for name, values in entries.items():
                    made[name][span] = values
    if places:
        unknown = text.names[min(place for found in places.values() for place in found)]
        left = sum(map(len, places.values()))
        raise BadInput(
            f"{folder}: this sidecar was measured on another text: it does not know {left} of "
            f"{len(text.names)} documents, such as {unknown!r}; measure the very text that is "
            "trained on (its prompts cut to the same length, its documents cut at the same places)."
        )
    return made
