"""Files packed with zstd, unpacked while they are read."""

from io import RawIOBase
from typing import Any

from likely.data._reading import needs


class Zstd(RawIOBase):
    """Frames of zstd as bytes; zstandard's own reader takes a cut file for a whole one.

    Args:
        file: open, in bytes.

    Raises:
        Unsupported: zstandard is not installed.
    """

    def __init__(self, file: Any) -> None:
        try:
            import zstandard
        except ImportError as problem:
            raise needs("zstandard", ".zst") from problem
        self._file, self._library = file, zstandard
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._waiting, self._begun, self._frames = memoryview(b""), False, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._waiting and self._more():
            pass
        taken = self._waiting[: len(buffer)]
        buffer[: len(taken)] = taken
        self._waiting = self._waiting[len(taken) :]
        return len(taken)

    def _more(self) -> bool:
        """Unpack the next piece; False at the end of the file."""
        if self._frame.eof:
            piece = self._frame.unused_data
            self._frame, self._begun = self._library.ZstdDecompressor().decompressobj(), False
            self._frames += 1
        else:
            piece = b""
        piece = piece or self._file.read(1 << 16)
        if not piece:
            if self._begun or not self._frames:
                raise EOFError("the last frame is not complete")
            return False
        try:
            self._waiting = memoryview(self._frame.decompress(piece))
        except self._library.ZstdError as problem:
            raise OSError(str(problem)) from problem
        self._begun = True
        return True
