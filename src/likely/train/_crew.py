"""Workers: processes of one thread each that do trials and stop when nobody needs them any more."""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from likely.core.errors import LikelyError
from likely.train._trials import Trial, run_unit

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_LOOK_EVERY = 0.2
_PATIENCE = 60.0
"""Seconds for a training to take its last step and to write a checkpoint."""

Unit = Sequence[Trial]


class Crew:
    """Processes that do units of trials; open it with `with`.

    Args:
        processes: how many at most.
    """

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._workers: dict[Connection, Any] = {}

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *raised: object) -> None:
        for connection, worker in self._workers.items():
            worker.terminate()  # What a worker finished is on the disk already.
            connection.close()  # One that saves a checkpoint instead sees that nobody listens.
        for worker in self._workers.values():
            worker.join(_PATIENCE)
            if worker.is_alive():
                worker.kill()
                worker.join()
        self._workers.clear()

    def run(self, units: Sequence[Unit], look: Callable[[], None]) -> None:
        """Do every unit; returns when all are done.

        Args:
            units: trials that one process does one after the other.
            look: called several times a second; may raise to stop everything.

        Raises:
            LikelyError: a trial cannot be done, or a worker was killed.
        """
        left = list(reversed(units))
        while len(self._workers) < min(self.processes, len(units)):
            self._hire()
        busy: set[Connection] = set()
        for connection in list(self._workers)[: len(units)]:
            connection.send(left.pop())
            busy.add(connection)
        while busy:
            for ready in wait(list(busy), _LOOK_EVERY):
                assert isinstance(ready, Connection)
                _hear(ready)
                if left:
                    ready.send(left.pop())
                else:
                    busy.remove(ready)
            look()

    def _hire(self) -> None:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        worker = context.Process(target=_work, args=(theirs,))
        before = {name: os.environ.get(name) for name in _ONE_THREAD}
        os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
        try:
            worker.start()  # A process takes the environment with it as it stands now.
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        theirs.close()
        self._workers[ours] = worker


def _hear(connection: Connection) -> None:
    try:
        problem = connection.recv()
    except (EOFError, ConnectionError) as gone:
        raise LikelyError(
            "A process was ended from outside in the middle of a trial, often for want of memory; "
            "what was finished is kept. Try again with fewer: --processes 1."
        ) from gone
    if problem:
        raise LikelyError(problem)


def _work(connection: Connection) -> None:
    """What a worker does until its parent has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides.
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    while True:
        try:
            unit = connection.recv()
        except (EOFError, OSError):
            return
        problem = run_unit(unit)
        try:
            connection.send(problem)
        except OSError:
            return


def _leave_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
