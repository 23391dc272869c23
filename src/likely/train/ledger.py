"""The ledger: results of claims as files that are never written over, only superseded."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likely.core.disk import sync
from likely.core.errors import BadInput
from likely.train.claim import Claim

FORMAT = 1
"""Of a result."""


@dataclass(frozen=True)
class Result:
    """What came of trying a claim once.

    Args:
        path: `OUT/120_goldfish/0001.json`.
        content: everything that stands in it.
    """

    path: Path
    content: Mapping[str, Any]

    @property
    def number(self) -> int:
        """The number of its file."""
        return int(self.path.stem)

    @property
    def seeds(self) -> int:
        """How many seeds were tried."""
        return len(self.content["seeds"])

    @property
    def fast(self) -> bool:
        """Whether it was only a look."""
        return bool(self.content["fast"])

    @property
    def outcome(self) -> str:
        """`held`, `failed`, `undecided` or `no verdict`."""
        return str(self.content["outcome"])

    @property
    def seeds_needed(self) -> int | None:
        """Seeds that would decide what is undecided; None where there is nothing to say."""
        needed = [
            row["seeds_for_half"]
            for row in self.content["decisions"]
            if row["outcome"] == "undecided" and row["seeds_for_half"] is not None
        ]
        return max(needed, default=None)

    def of(self, claim: Claim) -> bool:
        """Whether it is about the claim as it stands now.

        Args:
            claim: with its key.

        Returns:
            False where the claim file has changed since.
        """
        return bool(self.content["claim_key"] == claim.key)


def read_result(path: str | Path) -> Result:
    """Read one result.

    Args:
        path: a file of the ledger.

    Returns:
        The result.

    Raises:
        BadInput: it is damaged, or of another format.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] == FORMAT:
            for name in ("claim_key", "seeds", "fast", "outcome", "decisions", "code"):
                content[name]
    except (ValueError, KeyError, TypeError) as problem:
        raise BadInput(
            f"{path}: this result is damaged. Copy it again from where it came from, or try the "
            "claim again without it."
        ) from problem
    if content["format"] != FORMAT:
        raise BadInput(
            f"{path}: this result has format {content['format']}, and this version of likely "
            f"reads {FORMAT}: install a newer likely."
        )
    return Result(path, content)


def results(folder: str | Path, claim: Claim) -> list[Result]:
    """Every result of a claim, whatever became of it.

    Args:
        folder: the ledger.
        claim: by its name.

    Returns:
        Results in the order they were written.

    Raises:
        BadInput: one is damaged.
    """
    paths = (Path(folder) / claim.name).glob("*.json")
    return [read_result(path) for path in sorted(paths) if re.fullmatch(r"\d{4,}", path.stem)]


def standing(found: Iterable[Result], claim: Claim) -> Result | None:
    """The result that counts: of the claim as it is now, no quick look, most seeds, then newest.

    Args:
        found: results of the claim.
        claim: as it is now.

    Returns:
        The result; None where the claim has not been tried.
    """
    valid = [one for one in found if one.of(claim) and not one.fast]
    return max(valid, key=lambda one: (one.seeds, one.number), default=None)


def write_result(folder: str | Path, claim: Claim, content: Mapping[str, Any]) -> Result:
    """Write a result under the next free number; no file is ever replaced.

    Args:
        folder: the ledger.
        claim: by its name.
        content: what to write.

    Returns:
        The result.
    """
    below = Path(folder) / claim.name
    below.mkdir(parents=True, exist_ok=True)
    part = below / f".{os.getpid()}.part"
    text = json.dumps({"format": FORMAT, **content}, indent=1, ensure_ascii=False, allow_nan=False)
    part.write_text(text + "\n", encoding="utf-8", newline="\n")
    sync(part)
    taken = [int(path.stem) for path in below.glob("*.json") if path.stem.isdigit()]
    number = max(taken, default=0) + 1
    while True:
        path = below / f"{number:04d}.json"
        try:
            os.link(part, path)  # Unlike renaming, this fails where somebody was quicker.
            break
        except FileExistsError:
            number += 1
    part.unlink()
    sync(below)
    return read_result(path)
