"""Stages of a job: each leaves its result on disk, and a later start takes up what is finished."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from likely.apps._console import Clock
from likely.core import disk
from likely.core.errors import BadInput


def write_whole(path: Path, text: str) -> None:
    """Write a file under a temporary name and rename it when it is on the disk.

    Args:
        path: the name it shall have.
        text: what it holds.

    Raises:
        BadInput: the disk is full, or the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        disk.write_whole(path, text)
    except OSError as problem:
        with suppress(OSError):
            path.with_name(f".{path.name}.part").unlink()
        raise BadInput(
            f"{path}: cannot be written ({problem.strerror}); free space or choose another --out."
        ) from problem


class Stages:
    """Runs stages once: a result with the same key is read instead of computed.

    Args:
        folder: where results lie.
        settings: everything results depend on; another value makes all of them anew.
        clock: says what is done.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], clock: Clock) -> None:
        self.folder, self.clock = folder, clock
        spelled = json.dumps(settings, sort_keys=True, default=str)
        self.key = hashlib.sha256(spelled.encode()).hexdigest()[:16]
        self.seconds: dict[str, float] = {}

    def run(
        self,
        name: str,
        said: str,
        compute: Callable[[], Any],
        *,
        needs: tuple[Path, ...] = (),
    ) -> Any:
        """The result of one stage.

        Args:
            name: of the stage.
            said: what it does, for the progress line.
            compute: gives plain JSON values.
            needs: folders that a finished stage left; without them it is computed again.

        Returns:
            What `compute` returned, as JSON gives it back.
        """
        path = self.folder / f"{name}.json"
        kept = self._kept(path) if all(need.exists() for need in needs) else None
        if kept is not None:
            self.clock.say(f"{said}: finished before, taken from {path}")
            self.seconds[name] = kept["seconds"]
            return kept["result"]
        self.clock.say(said)
        begin = time.perf_counter()
        result = compute()
        self.seconds[name] = time.perf_counter() - begin
        row = {"format": 1, "key": self.key, "seconds": self.seconds[name], "result": result}
        text = json.dumps(row)
        write_whole(path, text)
        return json.loads(text)["result"]

    def _kept(self, path: Path) -> Any:
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        known = isinstance(row, dict) and (row.get("format"), row.get("key")) == (1, self.key)
        return row if known else None
