"""Ctrl-C during a step: remembered, and acted on when the step is whole."""

import signal
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """While open, the first Ctrl-C sets `asked`; the second one stops at once, as usual.

    SIGTERM, which launchers of several processes and batch systems send, sets `asked` too. Outside
    the main thread signals never arrive, and nothing is changed.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            for one in (signal.SIGINT, signal.SIGTERM):
                self._before[one] = signal.signal(one, self._ask)
        return self

    def __exit__(self, *raised: object) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True
