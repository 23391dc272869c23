"""What one process decides for all: names of folders, measured speeds."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from likely.core.errors import LikelyError

Found = TypeVar("Found")


def from_first(accelerator: Accelerator, compute: Callable[[], Found]) -> Found:
    """Compute on the first process, and know the result on every one.

    Args:
        accelerator: the processes.
        compute: gives plain values or dataclasses of them.

    Returns:
        The same on every process.

    Raises:
        LikelyError: what `compute` raised, on every process.
    """
    if accelerator.num_processes == 1:
        return compute()
    found: list[Any] = [None, ""]
    if accelerator.is_main_process:
        try:
            found = [compute(), ""]
        except LikelyError as problem:
            found = [None, str(problem)]
    broadcast_object_list(found)
    if found[1]:
        raise LikelyError(found[1])
    return cast(Found, found[0])
