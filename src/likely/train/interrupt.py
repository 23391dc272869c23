"""Ctrl-C during a step: remembered, and acted on when the step is whole."""

import signal
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """While open, the first Ctrl-C sets `asked`; the second one stops at once, as usual.

    Outside the main thread Ctrl-C never arrives, and nothing is changed.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *raised: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
