"""Bytes of a file wherever it lies, unpacked."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import PurePosixPath
from typing import Any

from likely.core.errors import BadInput, LikelyError, first_line
from likely.data._zstd import Zstd

Bytes = Any
"""An open file that gives bytes: files of packings and of fsspec share no class."""

PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2", ".xz": "xz"}
"""Suffixes that are unpacked, and what each kind is called."""

_SIGNS = {
    b"\x1f\x8b": "a gzip file begins like this: name it .gz",
    b"\x28\xb5\x2f\xfd": "a zstd file begins like this: name it .zst",
    b"BZh": "a bzip2 file begins like this: name it .bz2",
    b"\xfd7zXZ": "an xz file begins like this: name it .xz",
    b"PK\x03\x04": "a zip archive begins like this: unpack it first",
    b"PAR1": "a Parquet file begins like this: name it .parquet",
    b"ARROW1": "an Arrow file begins like this: name it .arrow",
    b"\xff\xfe": "UTF-16 begins like this: convert the file to UTF-8 first",
    b"\xfe\xff": "UTF-16 begins like this: convert the file to UTF-8 first",
}


@dataclass(frozen=True)
class Place:
    """A file to read.

    Args:
        path: where it lies, as messages show it.
        name: what the ids of its documents begin with.
        filesystem: of fsspec; None for a file on this machine.
        key: its path within that file system.
        named: named by the user, not found in a folder.
    """

    path: str
    name: str
    filesystem: Any = None
    key: str = ""
    named: bool = True

    @property
    def packing(self) -> str:
        """The suffix that says how it is packed, or nothing."""
        suffix = PurePosixPath(self._inner).suffix.lower()
        return suffix if suffix in PACKED else ""

    @property
    def suffix(self) -> str:
        """Its suffix, without that of the packing."""
        return suffix_of(self._inner)

    @property
    def _inner(self) -> str:
        """Its path without the archive around it and without a query behind it."""
        return self.path if self.filesystem is None else self.key.partition("?")[0]


def suffix_of(path: str) -> str:
    """The suffix that says what is inside: `.jsonl` of `x.jsonl.gz`.

    Args:
        path: a path.

    Returns:
        The suffix in small letters.
    """
    pure = PurePosixPath(path)
    inner = pure.stem if pure.suffix.lower() in PACKED else pure.name
    return PurePosixPath(inner).suffix.lower()


@contextmanager
def opened(place: Place) -> Iterator[Bytes]:
    """Open a file and unpack it while it is read.

    Args:
        place: the file.

    Yields:
        Its bytes.

    Raises:
        BadInput: it cannot be opened.
        Unsupported: the library that unpacks it is not installed.
    """
    try:
        file = _raw(place)
    except LikelyError:
        raise
    except Exception as problem:  # every remote file system has exceptions of its own
        raise unreadable(place, problem) from problem
    with file, _unpacked(place, file) as inside:
        yield inside


def _raw(place: Place) -> Bytes:
    if place.filesystem is None:
        return open(place.path, "rb")
    return place.filesystem.open(place.key, "rb")


def _unpacked(place: Place, file: Bytes) -> Bytes:
    if place.packing == ".gz":
        return gzip.open(file)
    if place.packing == ".bz2":
        return bz2.open(file)
    if place.packing == ".xz":
        return lzma.open(file)
    if place.packing == ".zst":
        return BufferedReader(Zstd(file), 1 << 20)
    return file


def unreadable(place: Place, problem: Exception, where: str = "") -> BadInput:
    """The sentence for a file whose bytes cannot be had.

    Args:
        place: the file.
        problem: what was raised.
        where: how far it was read, such as `, after line 12`.

    Returns:
        The error.
    """
    kind = PACKED.get(place.packing, "")
    said = first_line(problem)
    if isinstance(problem, EOFError):
        return BadInput(
            f"{place.path}{where}: the file ends in the middle of its {kind} data; copy or "
            "download it again."
        )
    bad = isinstance(problem, gzip.BadGzipFile | lzma.LZMAError | zlib.error)
    if kind and (bad or (isinstance(problem, OSError) and problem.errno is None)):
        return BadInput(
            f"{place.path}{where}: this is no valid {kind} data ({said}); name it without "
            f"{place.packing} if it is not packed, or fetch it again."
        )
    if isinstance(problem, OSError) and problem.strerror:
        said = problem.strerror
    if place.filesystem is None:
        return BadInput(
            f"{place.path}{where}: cannot be read ({said}); change its permissions or leave it out."
        )
    return BadInput(
        f"{place.path}{where}: cannot be read ({said}); check the address, the network and your "
        "rights."
    )


def not_utf8(where: str, at: str, data: bytes, begin: int, start: bytes) -> BadInput:
    """The sentence for bytes that are no UTF-8.

    Args:
        where: file and line.
        at: how the place within it is called.
        data: the bytes.
        begin: which of them is wrong.
        start: how the file begins, to guess what it is.

    Returns:
        The error.
    """
    hint = next((said for sign, said in _SIGNS.items() if start.startswith(sign)), "")
    return BadInput(
        f"{where}: {at} (0x{data[begin]:02x}) is not valid UTF-8; "
        f"{hint or 'convert the file to UTF-8 first'}."
    )
