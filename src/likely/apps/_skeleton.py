"""Files of a new entry: which ones, with what in them."""

import builtins
import keyword
import re
from pathlib import Path

from likely.core.catalogue import catalogue
from likely.core.disk import write_whole
from likely.core.errors import BadSetting

TEMPLATES = Path(__file__).parent / "templates"
ROOM_OF = {"objective": "objectives", "sampler": "decode", "statistic": "vocab.statistics"}
WHERE = "likely new"
KEPT = {*keyword.kwlist, *dir(builtins), "dense", "torch", "wants", "start", "advance"}
"""Names that mean something else in the file of an entry."""


def check_name(kind: str, name: str) -> None:
    """Stop at a name that cannot be a file, a function and a choice on the command line.

    Args:
        kind: objective, sampler or statistic.
        name: what was given.

    Raises:
        BadSetting: the name is no identifier in small letters, or is taken.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in KEPT:
        near = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_").lstrip("0123456789_")
        hint = f" Did you mean {near!r}?" if near and near not in {name, *KEPT} else ""
        raise BadSetting(
            WHERE,
            [
                f"{name!r} cannot be the name of an entry: use small letters, digits and "
                f"underscores, a letter first, and no word that means something in Python.{hint}"
            ],
        )
    taken = catalogue(ROOM_OF[kind])
    if name in taken:
        raise BadSetting(
            WHERE, [f"There is {_one(kind)} {name!r} already ({taken[name]}): choose another name."]
        )


def files_in_checkout(kind: str, name: str, root: Path) -> dict[Path, str]:
    """What a new entry of likely itself is made of.

    Args:
        kind: objective, sampler or statistic.
        name: of the entry.
        root: a checkout of likely.

    Returns:
        Path → text.

    Raises:
        BadSetting: `root` is no checkout.
    """
    room = Path(*ROOM_OF[kind].split("."))
    if not (root / "src" / "likely" / room).is_dir() or not (root / "tests/contracts").is_dir():
        raise BadSetting(
            WHERE,
            [
                f"{root} is no checkout of likely (no src/likely/{room.as_posix()} and "
                "tests/contracts in it). Name one with --into, or write a package of your own: "
                f"likely new {kind} {name} --package"
            ],
        )
    made = {root / "src" / "likely" / room / f"{name}.py": _fill(f"{kind}/entry", kind, name)}
    if kind != "statistic":
        made[root / "docs" / room / f"{name}.md"] = _fill(f"{kind}/page", kind, name)
    if kind == "objective":
        made[root / "tests/goldens" / f"{name}.json"] = _fill(f"{kind}/golden", kind, name)
    return made


def files_of_package(kind: str, name: str, root: Path) -> dict[Path, str]:
    """What a package of one's own with one entry is made of.

    Args:
        kind: objective, sampler or statistic.
        name: of the entry.
        root: folder of the package.

    Returns:
        Path → text.
    """
    source = root / "src" / f"likely_{name}"
    return {
        root / "pyproject.toml": _fill("package/pyproject", kind, name),
        root / "README.md": _fill("package/readme", kind, name),
        source / "__init__.py": _fill("package/init", kind, name),
        source / f"{name}.py": _fill(f"{kind}/entry", kind, name),
        root / "tests" / f"test_{name}.py": _fill(f"package/test_{kind}", kind, name),
    }


def write_new(files: dict[Path, str]) -> None:
    """Write files, none of which may be there.

    Args:
        files: path → text.

    Raises:
        BadSetting: one of them is there, and then nothing is written; or the disk refuses.
    """
    there = [str(path) for path in files if path.exists()]
    if there:
        raise BadSetting(
            WHERE, [f"{', '.join(there)} would be overwritten: choose another name, or remove it."]
        )
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text)
        except OSError as problem:
            raise BadSetting(
                WHERE, [f"{path} cannot be written: {problem.strerror}. Name a folder with --into."]
            ) from problem


def _fill(template: str, kind: str, name: str) -> str:
    text = (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
    words = {"NAME": name, "DASHED": name.replace("_", "-"), "ROOM": ROOM_OF[kind]}
    words["KIND"] = _one(kind).capitalize()
    return re.sub(r"NAME|DASHED|ROOM|KIND", lambda found: words[found.group()], text)


def _one(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
