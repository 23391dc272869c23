"""The folder that a run is written to."""

import os
import re
from pathlib import Path

from accelerate import Accelerator

from likely.core.errors import BadSetting
from likely.train._first import from_first


def folder_of(out: Path | None, data: tuple[str, ...], accelerator: Accelerator) -> Path:
    """Where a run goes: what was asked for, else the first free name under `runs/`.

    Args:
        out: what was asked for.
        data: what the run reads; gives its name.
        accelerator: the processes; the first one chooses.

    Returns:
        The folder, the same on every process.

    Raises:
        BadSetting: it holds a run or a model, or cannot be made.
    """
    return from_first(accelerator, lambda: _checked(out or _free(data)))


def _checked(folder: Path) -> Path:
    """The folder itself; raises before anything slow is done where it cannot hold a new run."""
    if (folder / "recipe.toml").is_file():
        raise BadSetting(
            str(folder), ["There is a run already. Go on with --resume, or give another --out."]
        )
    if (folder / "model").exists():
        raise BadSetting(str(folder), ["There is a model already: give another --out."])
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise BadSetting(str(folder), [f"{existing} is a file: give another --out."])
    if not os.access(existing, os.W_OK | os.X_OK):
        raise BadSetting(str(folder), [f"{existing} cannot be written to: give another --out."])
    return folder


def _free(data: tuple[str, ...]) -> Path:
    stem = name_of(data)
    taken = {path.name for path in Path("runs").glob(f"{stem}-*")}
    number = next(n for n in range(1, len(taken) + 2) if f"{stem}-{n}" not in taken)
    return Path("runs") / f"{stem}-{number}"


def name_of(data: tuple[str, ...]) -> str:
    """A short name for a text: that of its file, or of the folder that its files lie in.

    Args:
        data: paths, patterns or `embedded`.

    Returns:
        Letters, digits, dots, hyphens and underscores.

    Example:
        >>> name_of(("notes/a.md", "notes/b.md")), name_of(("tale.txt",)), name_of(("a/*.md",))
        ('notes', 'tale', 'a')
    """
    first = Path(data[0].split("://")[-1])
    several = len(data) > 1 or "*" in first.name
    if several and data[0] != "embedded":
        first = first.parent
    name = first.stem if first.suffix else first.resolve().name
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "text"
