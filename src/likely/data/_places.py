"""Which files a path names: one, a folder's, a pattern's, here or on a remote file system."""

import glob
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from likely.core.errors import BadInput, Unsupported, did_you_mean, first_line
from likely.data._bytes import Place, suffix_of
from likely.data._reading import Reading
from likely.data._suffixes import READ

_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+(://|::)")
_HUB = re.compile(r"[\w.-]+/[\w.-]+")
_WILD = re.compile(r"[*?\[]")


def places(root: str, several: bool, reading: Reading) -> Iterator[Place]:
    """Every file that a path names.

    Args:
        root: a file, a folder, a pattern with `*`, `?`, `[…]` or `**`, or an address of fsspec.
        several: whether other paths were given too, so that folders must say their name.
        reading: takes files of a folder that are no kind of text.

    Yields:
        The files.

    Raises:
        BadInput: no such file or folder, a pattern that fits none, a folder without text.
    """
    if root.startswith("file://"):
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        root = url2pathname(urlsplit(root).path)
    if _ADDRESS.match(root):
        yield from _remote(root, several, reading)
        return
    path = Path(root).expanduser()
    if path.is_dir():
        yield from _folder(path, several, reading)
    elif path.exists():
        yield Place(str(path), path.name)
    elif _WILD.search(root):
        yield from _pattern(str(path), reading)
    else:
        raise _missing(path)


def _folder(root: Path, several: bool, reading: Reading) -> Iterator[Place]:
    if (root / "likely.json").is_file():
        raise BadInput(f"{root}: this is the folder of a model, not of text; name the text.")
    prefix = f"{root.name}/" if several else ""
    found = []

    def closed(problem: OSError) -> None:
        reading.refuse(BadInput(f"{problem.filename}: cannot be read ({problem.strerror})."))

    for folder, inner, names in os.walk(root, onerror=closed):
        inner[:] = sorted(name for name in inner if not _is_ours(Path(folder) / name))
        for name in sorted(names):
            path = Path(folder) / name
            if not name.startswith(".") and path.is_file():
                found.append((str(path), path.relative_to(root).as_posix()))
    yield from (
        Place(path, prefix + name, named=False)
        for path, name in _of_text(str(root), found, reading)
    )


def _is_ours(folder: Path) -> bool:
    """Hidden folders, and runs and models: what was learned from a text is no part of it."""
    made = ("recipe.toml", "likely.json")
    return folder.name.startswith(".") or any((folder / name).is_file() for name in made)


def _of_text(
    root: str, found: list[tuple[str, str]], reading: Reading
) -> Iterator[tuple[str, str]]:
    """Of the files of a folder those that hold text, by their suffix."""
    kept, passed = 0, Counter[str]()
    for path, name in found:
        suffix = suffix_of(path)
        if suffix in READ:
            kept += 1
            yield path, name
        else:
            passed[suffix or "no suffix"] += 1
            reading.skipped.append(f"{path}: {suffix or 'no suffix'} is no kind of text")
    if not kept:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in passed.most_common(5))
        raise BadInput(
            f"{root}: this folder holds no text file (found: {kinds or 'nothing'}); name the files "
            "themselves, or give them a suffix such as .txt, .md, .py or .jsonl."
        )


def _pattern(root: str, reading: Reading) -> Iterator[Place]:
    """Files that a pattern fits, and the files of folders that it fits."""
    found = sorted(glob.glob(root, recursive=True))
    files = [path for path in found if os.path.isfile(path)]
    if "**" not in root:
        for path in found:
            if os.path.isdir(path):
                yield from _folder(Path(path), True, reading)
                files = files or [""]
    if not files:
        raise _no_fit(root)
    fixed = _fixed(root)
    for path in filter(None, files):
        yield Place(path, PurePosixPath(Path(path).as_posix()).relative_to(fixed).as_posix())


def _fixed(root: str) -> str:
    """The folder before the first wildcard."""
    parts = Path(root).parts
    first = next(place for place, part in enumerate(parts) if _WILD.search(part))
    return Path(*parts[:first]).as_posix()


def _no_fit(root: str) -> BadInput:
    return BadInput(f"{root}: no file fits this pattern; check the folder and the suffix.")


def _remote(root: str, several: bool, reading: Reading) -> Iterator[Place]:
    system, key = _system(root)
    try:
        if _WILD.search(key) and not system.exists(key):
            found = [name for name in sorted(system.glob(key)) if system.isfile(name)]
            if not found:
                raise _no_fit(root)
            fixed = _fixed(key)
            listed = [(name, _within(name, fixed), True) for name in found]
        elif system.isfile(key):
            listed = [(key, PurePosixPath(key.partition("?")[0]).name, True)]
        elif system.isdir(key):
            inside = [(name, _within(name, key)) for name in sorted(system.find(key))]
            seen = [pair for pair in inside if not re.search(r"(^|/)\.", pair[1])]
            prefix = f"{PurePosixPath(key).name}/" if several else ""
            kept = _of_text(root, seen, reading)
            listed = [(name, prefix + short, False) for name, short in kept]
        else:
            raise BadInput(f"{root}: no such file or folder there; check the address.")
    except BadInput:
        raise
    except Exception as problem:  # every file system has exceptions of its own
        raise _unlisted(root, problem) from problem
    for name, short, named in listed:
        shown = root if len(listed) == 1 and name == key else system.unstrip_protocol(name)
        yield Place(shown, short, system, name, named)


def _system(root: str) -> tuple[Any, str]:
    """The file system of an address, and the path within it."""
    import fsspec

    protocol = re.split("://|::", root, maxsplit=1)[0]
    if protocol not in fsspec.available_protocols():
        near = did_you_mean(protocol, fsspec.available_protocols())
        raise BadInput(
            f"{root}: there is no protocol {protocol!r}; use a path, https://, s3://, hf:// or "
            f"another one of fsspec.{near}"
        )
    try:
        system, key = fsspec.core.url_to_fs(root)
    except ImportError as problem:
        remedy = "pip install 'likely[data]'" if protocol in ("http", "https") else "install it"
        said = str(problem).rstrip(".")
        raise Unsupported(f"{root}: a library is missing ({said}): {remedy}") from problem
    except Exception as problem:  # every file system has exceptions of its own
        raise _unlisted(root, problem) from problem
    return system, str(key)


def _unlisted(root: str, problem: Exception) -> BadInput:
    return BadInput(
        f"{root}: cannot be listed ({first_line(problem)}); check the address, the network and "
        "your rights."
    )


def _within(name: str, folder: str) -> str:
    return name.removeprefix(folder).lstrip("/")


def _missing(path: Path) -> BadInput:
    parent = path.parent
    known = sorted(entry.name for entry in parent.iterdir()) if parent.is_dir() else []
    where = "" if parent.is_dir() else f" (nor does the folder {parent})"
    if parent.is_file():
        where = f" ({parent} is a file, not a folder)"
    if not parent.exists() and _HUB.fullmatch(str(path)):
        where += f"; a data set of the Hugging Face hub is written dataset:{path}"
    return BadInput(
        f"{path}: no such file or folder{where}; check the path.{did_you_mean(path.name, known)}"
    )
