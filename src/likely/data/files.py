"""Text files, folders of them and JSONL, as a corpus."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from likely.core.errors import BadInput, did_you_mean
from likely.data._jsonl import parse
from likely.data.corpus import Corpus, Document

# fmt: off
_PROSE = {
    ".adoc", ".asc", ".bib", ".markdown", ".md", ".org", ".rst", ".srt", ".tex", ".text", ".txt",
}
_CODE = {
    ".c", ".cc", ".cpp", ".cs", ".f90", ".go", ".h", ".hpp", ".hs", ".java", ".jl", ".js", ".kt",
    ".lua", ".m", ".ml", ".php", ".pl", ".py", ".pyi", ".r", ".rb", ".rs", ".scala", ".sh",
    ".sql", ".swift", ".ts",
}
_DATA = {
    ".cfg", ".conf", ".css", ".csv", ".htm", ".html", ".ini", ".json", ".jsonl", ".toml", ".tsv",
    ".xml", ".yaml", ".yml",
}
# fmt: on
TEXT_SUFFIXES = frozenset(_PROSE | _CODE | _DATA)


def read(
    paths: Path | str | Sequence[Path | str],
    *,
    field: str = "text",
    domain: str | None = None,
) -> Corpus:
    r"""Read text as it is: UTF-8, line ends kept, a byte-order mark dropped.

    A file is one document; a `.jsonl` file is one a line. Of a folder, all files with a suffix of
    `TEXT_SUFFIXES` are read, inner folders too, in sorted order; hidden files and folders are left
    out, and files of another suffix or that are no UTF-8 are listed in `Corpus.skipped`. A file
    that is named directly is read whatever its suffix. Documents without a visible character are
    dropped.

    Ids are paths relative to the folder that was named (after its own name where several paths
    were), for JSONL the field `id` or `file:line`; `#2` is added to one that occurs twice. The
    domain of a JSONL line is its field `domain` or `source`.

    Args:
        paths: a file, a folder, or several of them.
        field: which field of a JSONL line holds the text.
        domain: domain of every document; None for `text` or what a JSONL line says.

    Returns:
        The corpus.

    Raises:
        BadInput: a path that does not exist, a folder without text, bytes that are no UTF-8, a
            JSONL line that is no JSON object or lacks the field, nothing but empty documents.
    """
    given = [Path(path) for path in ([paths] if isinstance(paths, Path | str) else paths)]
    if not given:
        raise BadInput("No path was given to read text from: name a file or a folder.")
    documents: list[Document] = []
    skipped: list[str] = []
    for root in given:
        prefix = f"{root.name}/" if len(given) > 1 and root.is_dir() else ""
        for path, name in _files(root, skipped):
            text = _text(path, skipped if root.is_dir() else None)
            if text is None:
                continue
            if path.suffix.lower() == ".jsonl":
                documents += parse(text, path, f"{prefix}{name}", field=field)
            else:
                documents.append(Document(f"{prefix}{name}", text))
    documents = [document for document in documents if document.text.strip()]
    if not documents:
        names = ", ".join(str(path) for path in given)
        raise BadInput(f"{names}: every document is empty; give at least one with text in it.")
    if domain is not None:
        documents = [replace(document, domain=domain) for document in documents]
    name = given[0].name or given[0].resolve().name
    return Corpus(
        name if len(given) == 1 else f"{name}+{len(given) - 1}",
        tuple(_distinct(documents)),
        tuple(skipped),
    )


def _files(root: Path, skipped: list[str]) -> Iterator[tuple[Path, str]]:
    """Path and name within the root of every file to read."""
    if root.exists() and not root.is_dir():
        yield root, root.name
        return
    if not root.is_dir():
        raise _missing(root)
    found, passed = 0, Counter[str]()
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if name.startswith(".") or not path.is_file():
                continue
            if path.suffix.lower() in TEXT_SUFFIXES:
                found += 1
                yield path, path.relative_to(root).as_posix()
            else:
                passed[path.suffix.lower() or "no suffix"] += 1
                skipped.append(f"{path}: {path.suffix or 'no suffix'} is no kind of text")
    if not found:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in passed.most_common(5))
        raise BadInput(
            f"{root}: this folder holds no text file (found: {kinds or 'nothing'}); name the files "
            "themselves, or give them a suffix such as .txt, .md, .py or .jsonl."
        )


def _missing(path: Path) -> BadInput:
    parent = path.parent
    known = sorted(entry.name for entry in parent.iterdir()) if parent.is_dir() else []
    where = "" if parent.is_dir() else f" (nor does the folder {parent})"
    return BadInput(
        f"{path}: no such file or folder{where}; check the path.{did_you_mean(path.name, known)}"
    )


def _text(path: Path, skipped: list[str] | None) -> str | None:
    """The text of a file; None, and a line in `skipped` if there is one, where it is no UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise BadInput(
            f"{path}: cannot be read ({problem.strerror}); change its permissions or leave it out."
        ) from problem
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        what = (
            f"{path}, line {line}: byte {problem.start} (0x{data[problem.start]:02x}) is not valid "
            "UTF-8"
        )
        if skipped is None or path.suffix.lower() == ".jsonl":
            raise BadInput(f"{what}; convert the file to UTF-8 first.") from problem
        skipped.append(what)
        return None


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
