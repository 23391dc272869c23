"""What a C library prints past Python is caught; all of it but one known line comes out again."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def without(beginning: bytes) -> Iterator[None]:
    """Leave lines out that begin in a certain way from what is printed to standard error.

    Everything else that was printed meanwhile follows at the end, so that nothing is lost.

    Args:
        beginning: of the lines to leave out.

    Yields:
        Nothing.
    """
    try:
        kept = os.dup(2)
    except OSError:  # No standard error is open: nothing can be seen, so nothing is in the way.
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            said = [line for line in caught if not line.startswith(beginning)]
            if said:
                os.write(2, b"".join(said))
