"""What a path, a pattern or several of them name: files of rows, or run folders."""

import glob
from pathlib import Path
from typing import Any

from likely.core.errors import BadInput, did_you_mean
from likely.forecast._raw import Raw, joined
from likely.forecast._run_folders import is_run, read_runs
from likely.forecast._table_files import SUFFIXES, read_file
from likely.forecast._wandb import arranged


def sources(path: Any) -> tuple[Raw, bool]:
    """All rows of what was named.

    Args:
        path: a file, a run folder, a folder of either, a pattern; one or several.

    Returns:
        The rows, and whether they are of runs of ours.

    Raises:
        BadInput: there is nothing of the kind.
    """
    given = [path] if isinstance(path, str | Path) else list(path)
    if not given:
        raise BadInput("No table was named: give a file, a run folder or a pattern.")
    found = [one for each in given for one in _matches(Path(each))]
    folders = [one for one in found if one.is_dir()]
    if folders and len(folders) < len(found):
        file = next(one for one in found if one.is_file())
        raise BadInput(f"{folders[0]} is a run and {file} is a file: give either runs or files.")
    if folders:
        return read_runs(folders), True
    return joined([(one.name, arranged(read_file(one))) for one in found]), False


def _matches(path: Path) -> list[Path]:
    if path.is_file() or is_run(path):
        return [path]
    if path.is_dir():
        inside = sorted(one.parent for one in path.glob("*/recipe.toml"))
        files = sorted(one for one in path.iterdir() if one.suffix in SUFFIXES)
        if inside or files:
            return inside or files
        raise BadInput(
            f"{path} holds neither runs of `likely train` (folders with recipe.toml) nor tables "
            f"({', '.join(SUFFIXES)})."
        )
    matches = [Path(one) for one in sorted(glob.glob(str(path)))]
    good = [one for one in matches if one.is_file() or is_run(one)]
    if good:
        return good
    beside = path.parent if path.parent.is_dir() else None
    near = did_you_mean(path.name, [one.name for one in beside.iterdir()]) if beside else ""
    raise BadInput(f"{path}: there is no such file or run folder.{near}")
