"""Files and folders that are there as a whole or not at all, even after a power cut."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, is on the disk.

    Args:
        path: the file or folder.
    """
    if path.is_dir() and os.name == "nt":  # Windows syncs no folders.
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, text: str) -> None:
    """Write a text file under a temporary name and rename it.

    Args:
        path: the name it shall have.
        text: what it holds.
    """
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8", newline="\n")
    sync(part)
    part.replace(path)
    sync(path.parent)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file to write that takes its real name only when everything is on the disk.

    Args:
        path: the name it shall have; a file that stands there is replaced at the end.

    Yields:
        A temporary name beside it.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        sync(part)
        part.replace(path)
        sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into that takes its real name only when everything is on the disk.

    Args:
        folder: the name it shall have; a folder that stands there is replaced at the end.

    Yields:
        A temporary folder beside it.
    """
    folder = Path(folder)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        for path in part.rglob("*"):
            sync(path)
        sync(part)
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
        sync(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove(folder: Path) -> None:
    """Take a folder away so that nobody ever sees half of it under its name.

    Args:
        folder: what to remove.
    """
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)
    shutil.rmtree(old)


def sweep(folder: Path) -> None:
    """Remove what a killed process left behind: hidden names that end in `.part` or `.old`.

    Args:
        folder: where to look, not deeper.
    """
    for path in folder.glob(".*"):
        if path.suffix in (".part", ".old"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
