"""Data sets of the library `datasets`: by name, saved in a folder, or in memory."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from likely.core.errors import BadInput, did_you_mean, first_line
from likely.data._reading import Reading, needs
from likely.data.corpus import Document

ADDRESS = "dataset:"
_WORDS = ("name", "split", "revision", "data_files", "data_dir", "streaming")


def is_saved(root: str) -> bool:
    """Whether a path is a folder that `save_to_disk` wrote.

    Args:
        root: the path.

    Returns:
        True where it is.
    """
    folder = Path(root)
    whole = (folder / "dataset_info.json").is_file() and (folder / "state.json").is_file()
    return whole or (folder / "dataset_dict.json").is_file()


def from_saved(root: str, reading: Reading, split: str | None = None) -> Iterator[Document]:
    """Documents of a folder that `save_to_disk` wrote.

    Args:
        root: the folder.
        reading: names the column, and takes what cannot be read.
        split: which part, where there are several.

    Yields:
        Documents, one a row.

    Raises:
        BadInput: it is damaged, or holds several splits and none was chosen.
    """
    with _library() as datasets:
        try:
            found = datasets.load_from_disk(root)
        except Exception as problem:  # a damaged folder fails in many ways
            raise BadInput(
                f"{root}: this saved data set cannot be read ({first_line(problem)}); save it "
                "again."
            ) from problem
    yield from rows(found, root, Path(root).name, reading, split)


def from_address(address: str, reading: Reading) -> Iterator[Document]:
    """Documents of `dataset:owner/name?name=en&split=train`.

    Args:
        address: what to load; a local folder in place of the name is loaded from there.
        reading: names the column, and takes what cannot be read.

    Yields:
        Documents, one a row.

    Raises:
        BadInput: no such data set, configuration or split, or no way to get it.
        Unsupported: `datasets` is not installed.
    """
    name, chosen = _parts(address)
    if is_saved(name):
        yield from from_saved(name, reading, chosen.get("split"))
        return
    if "streaming" in chosen:
        chosen["streaming"] = chosen["streaming"] == "true"
    with _library() as datasets:
        try:
            found = datasets.load_dataset(name, trust_remote_code=False, **chosen)
        except Exception as problem:  # hub, file system and builders have exceptions of their own
            raise _not_loaded(address, chosen, problem) from problem
    yield from rows(found, address, name.rstrip("/").rpartition("/")[2], reading)


def _parts(address: str) -> tuple[str, dict[str, Any]]:
    """The name, and what is chosen of it."""
    name, _, query = address.removeprefix(ADDRESS).partition("?")
    chosen: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    for word in chosen:
        if word not in _WORDS:
            raise BadInput(
                f"{address}: there is no choice {word!r}; there are: {', '.join(_WORDS)}."
                f"{did_you_mean(word, _WORDS)}"
            )
    if chosen.get("streaming", "true") not in ("true", "false"):
        raise BadInput(f"{address}: streaming should be true or false.")
    if not name:
        raise BadInput(f"{address}: name a data set, such as dataset:owner/name?split=train.")
    return name, chosen


def _not_loaded(address: str, chosen: Mapping[str, Any], problem: Exception) -> BadInput:
    said = first_line(problem)
    known = re.findall(r"'([^']+)'", said)
    near = next(
        (hint for word in ("split", "name") if (hint := did_you_mean(chosen.get(word, ""), known))),
        "",
    )
    return BadInput(
        f"{address}: this data set cannot be loaded ({said}); check its name, configuration and "
        f"split, and the network.{near}"
    )


def rows(
    found: Any, where: str, name: str, reading: Reading, split: str | None = None
) -> Iterator[Document]:
    """Documents of a data set in memory.

    Args:
        found: a `Dataset`, an `IterableDataset`, or several of them by split.
        where: what it is called, for messages.
        name: what ids of rows without one begin with.
        reading: names the column, and takes what cannot be read.
        split: which of several.

    Yields:
        Documents, one a row.

    Raises:
        BadInput: several splits and none chosen, no such split, no such column.
    """
    if isinstance(found, Mapping):
        found = _one_split(found, where, split)
    columns = getattr(found, "column_names", None)
    if columns is not None:
        reading.check_column(list(columns), where, "column")
    number, entries = 0, iter(found.with_format(None))
    while True:
        try:
            entry = next(entries, None)
        except Exception as problem:  # a remote shard may fail in many ways
            raise BadInput(
                f"{where}, after row {number}: cannot be read ({first_line(problem)}); check the "
                "data and the network."
            ) from problem
        if entry is None:
            return
        number += 1
        try:
            document = reading.document(entry, f"{where}, row {number}", f"{name}:{number}")
        except BadInput as problem:
            reading.refuse(problem)
            continue
        yield document


def _one_split(found: Mapping[str, Any], where: str, split: str | None) -> Any:
    if split is None and len(found) == 1:
        return next(iter(found.values()))
    if split is None:
        raise BadInput(
            f"{where}: this data set has the splits {', '.join(found)}; choose one, as in "
            f"dataset:NAME?split={next(iter(found), 'train')} or data[{next(iter(found), '')!r}]."
        )
    if split not in found:
        raise BadInput(
            f"{where}: there is no split {split!r}; there are: {', '.join(found)}."
            f"{did_you_mean(split, found)}"
        )
    return found[split]


@contextlib.contextmanager
def _library() -> Iterator[Any]:
    """The library, without its progress bars."""
    try:
        import datasets
    except ImportError as problem:
        raise needs("datasets", "a Hugging Face data set") from problem
    shown = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield datasets
    finally:
        if not shown:
            datasets.enable_progress_bars()
