"""Where claims lie, and how one is found by number or name."""

import re
from pathlib import Path

from likely.core.errors import BadInput, UnknownName, did_you_mean
from likely.train.claim import Claim, load_claim


def claims_folder() -> Path:
    """Where the claims lie that come with likely.

    Returns:
        The folder beside the code of an installed package, or that of the repository.
    """
    package = Path(__file__).parents[1]
    inside = package / "claims"
    return inside if inside.is_dir() else package.parents[1] / "claims"


def files(folder: str | Path | None = None) -> list[Path]:
    """Claims of a folder, without reading them.

    Args:
        folder: where they lie; those that come with likely by default.

    Returns:
        Files named `NUMBER_name.toml`, by number.

    Raises:
        BadInput: there is no such folder.
    """
    where = Path(folder) if folder is not None else claims_folder()
    if folder is not None and not where.is_dir():
        raise BadInput(f"{where} is no folder. Give one with claims (NUMBER_name.toml).")
    named = [path for path in where.glob("*.toml") if re.match(r"\d+_\w+$", path.stem)]
    return sorted(named, key=lambda path: (int(path.stem.partition("_")[0]), path.stem))


def claims(folder: str | Path | None = None) -> list[Claim]:
    """Every claim of a folder.

    Args:
        folder: where they lie; those that come with likely by default.

    Returns:
        The claims, by number.

    Raises:
        BadInput: no such folder, or a file that is no TOML.
        BadSetting: what is wrong with the first claim that has something wrong.
    """
    return [load_claim(path) for path in files(folder)]


def find_claim(text: str, folder: str | Path | None = None) -> Path:
    """The file of a claim.

    Args:
        text: a number (`120`), a name (`goldfish`, `120_goldfish`) or the path of a TOML file.
        folder: where to look; among those that come with likely by default.

    Returns:
        The path.

    Raises:
        UnknownName: nothing there has this number or name.
    """
    if text.endswith(".toml"):
        return Path(text)
    known = files(folder)
    for path in known:
        number, _, name = path.stem.partition("_")
        if text in (number, name, path.stem) or (text.isdigit() and int(text) == int(number)):
            return path
    names = [path.stem for path in known]
    near = "" if did_you_mean(text, names) else _near(text, names)
    raise UnknownName("claim", text, names, near.strip() or "Give one, or a TOML file.")


def _near(text: str, names: list[str]) -> str:
    """Near a number, or near a name without its number."""
    parts = [name.partition("_") for name in names]
    near = did_you_mean(text, (number for number, _, _ in parts))
    return near or did_you_mean(text.lstrip("0123456789_"), (name for _, _, name in parts))
