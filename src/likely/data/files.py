"""Text from anywhere as a corpus: files, folders, patterns, addresses, data sets."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.data import _jsonl
from likely.data._bytes import Bytes, Place, not_utf8, opened, unreadable
from likely.data._hugging_face import ADDRESS, from_address, from_saved, is_saved
from likely.data._places import places
from likely.data._reading import Limit, OnError, Reading
from likely.data._suffixes import LINES, TABLES, TEXT_SUFFIXES
from likely.data._tables import table
from likely.data.corpus import Corpus, Document

__all__ = ["TEXT_SUFFIXES", "OnError", "read"]


def read(
    paths: Path | str | Sequence[Path | str],
    *,
    field: str = "text",
    domain: str | None = None,
    on_error: OnError = "raise",
    limit: Limit = None,
) -> Corpus:
    r"""Read text as it is: UTF-8, line ends kept, a byte-order mark dropped.

    A path is a file, a folder, a pattern (`notes/*.md`, `**`), an address that fsspec opens
    (`https://…`, `s3://…`, `hf://…`) or a data set of the Hugging Face hub or of a local folder
    (`dataset:owner/name?name=en&split=train`; with `&streaming=true` it is not downloaded first).

    A file is one document; `.jsonl` and `.ndjson` are one a line; `.parquet`, `.arrow` and
    `.feather` one a row; `.gz`, `.zst`, `.bz2` and `.xz` are unpacked. Of a folder, all files with
    such a suffix or one of `TEXT_SUFFIXES` are read, inner folders too, in sorted order; hidden
    files and folders and folders of runs and models are left out, and text files of another suffix
    or that are no UTF-8 are listed in `Corpus.skipped`. A folder that `datasets` saved is read as
    that data set. A file that is named directly is read whatever its suffix. Documents without a
    visible character are dropped.

    Ids are paths relative to the folder that was named (after its own name where several paths
    were), for lines and rows the field `id` or `file:number`; `#2` is added to one that occurs
    twice. The domain of a line or row is its field `domain` or `source`; all other fields are
    kept in `Document.metadata`.

    Args:
        paths: what to read, one or several.
        field: the field or column that holds the text.
        domain: domain of every document; None for `text` or what a line or row says.
        on_error: `raise` stops at the first problem; `skip` passes over files, lines and rows
            that cannot be read and lists them in `Corpus.skipped`. A path that does not exist is
            an error either way.
        limit: documents to read at most; None for all.

    Returns:
        The corpus.

    Raises:
        BadInput: a path that does not exist, a folder without text, bytes that are no UTF-8, a
            file that is damaged or not what its suffix says, a line or row without the field,
            nothing but empty documents.
        BadSetting: an `on_error` or `limit` that is none.
        Unsupported: a format whose library is not installed.
    """
    given = [str(path) for path in ([paths] if isinstance(paths, Path | str) else paths)]
    if not given:
        raise BadInput("No path was given to read text from: name a file or a folder.")
    checked(read, locals())
    reading = Reading(field, on_error)
    documents = [
        document if domain is None else replace(document, domain=domain)
        for document in itertools.islice(_documents(given, reading), limit)
    ]
    return corpus_of(_name(given), documents, reading, ", ".join(given))


def corpus_of(name: str, documents: Sequence[Document], reading: Reading, given: str) -> Corpus:
    """Documents that were read as a corpus; their ids are made to differ.

    Args:
        name: what reports call it.
        documents: what was read, without empty ones.
        reading: what was passed over.
        given: what was to be read, for the message.

    Returns:
        The corpus.

    Raises:
        BadInput: there are none.
    """
    if not documents and reading.on_error == "skip" and reading.skipped:
        raise BadInput(
            f"{given}: nothing could be read, {len(reading.skipped)} skipped; the first: "
            f"{reading.skipped[0]}"
        )
    if not documents:
        raise BadInput(f"{given}: every document is empty; give at least one with text in it.")
    return Corpus(name, tuple(_distinct(documents)), tuple(reading.skipped))


def _name(given: Sequence[str]) -> str:
    first = given[0].removeprefix(ADDRESS).partition("?")[0] if ADDRESS in given[0] else given[0]
    name = PurePosixPath(Path(first).as_posix()).name or Path(first).resolve().name
    return name if len(given) == 1 else f"{name}+{len(given) - 1}"


def _documents(given: Sequence[str], reading: Reading) -> Iterator[Document]:
    """All documents with a visible character."""
    for root in given:
        if root.startswith(ADDRESS):
            found = from_address(root, reading)
        elif is_saved(root):
            found = from_saved(root, reading)
        else:
            found = (
                document
                for place in places(root, len(given) > 1, reading)
                for document in _of_file(place, reading)
            )
        yield from (document for document in found if document.text.strip())


def _of_file(place: Place, reading: Reading) -> Iterator[Document]:
    try:
        with opened(place) as file:
            if place.suffix in LINES:
                yield from _jsonl.parse(file, place, reading)
            elif place.suffix in TABLES:
                yield from table(file, place, reading)
            else:
                yield from _whole(file, place, reading)
    except BadInput as problem:
        reading.refuse(problem)


def _whole(file: Bytes, place: Place, reading: Reading) -> Iterator[Document]:
    """A file as one document; a stray one that is no UTF-8 does not stop the rest of a folder."""
    try:
        data = file.read()
    except Exception as problem:  # every packing and remote file system has exceptions of its own
        raise unreadable(place, problem) from problem
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        where, at = f"{place.path}, line {line}", f"byte {problem.start}"
        refused = not_utf8(where, at, data, problem.start, data[:8])
        if place.named:
            raise refused from problem
        reading.skipped.append(str(refused))
        return
    yield Document(place.name, text)


def _distinct(documents: Sequence[Document]) -> Iterator[Document]:
    """The same documents; `#2`, `#3` … is added to ids that occurred before."""
    used = {document.id for document in documents}
    seen: set[str] = set()
    for document in documents:
        name, again = document.id, 2
        while name in seen or (again > 2 and name in used):
            name, again = f"{document.id}#{again}", again + 1
        seen.add(name)
        yield document if name == document.id else replace(document, id=name)
