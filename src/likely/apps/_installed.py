"""Whether the packages that `likely` declares are here, and which extra lacks what."""

import platform
from collections.abc import Callable, Iterator
from importlib.metadata import (
    PackageNotFoundError,
    entry_points,
    metadata,
    requires,
    version,
)
from typing import TYPE_CHECKING

import likely
from likely.apps._finding import Finding, reason
from likely.core.catalogue import ROOMS, get

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def packages() -> list[Finding]:
    """Python, `likely` and everything it needs, each within the range that it declares."""
    found = [_python(), Finding("likely", "good", likely.__version__)]
    needed = _requirements()
    if needed is None:
        remedy = "pip install --editable ."
        return [*found, Finding("ranges", "caution", "likely is not installed", remedy)]
    base = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    found += [_package(one) for one in sorted(base, key=lambda one: one.name)]
    found += [_plain(name) for name in ("tokenizers",)]
    return [*found, *_imports()]


def extras() -> list[Finding]:
    """For every extra: whether all of it is here, and what to install where it is not."""
    needed = _requirements() or []
    try:
        names = metadata("likely").get_all("Provides-Extra") or []
    except PackageNotFoundError:
        names = []
    found = []
    for extra in names:
        lacking = [
            f"{one.name} ({_lack(one)})"
            for one in needed
            if one.marker is not None
            and one.marker.evaluate({"extra": extra})
            and not one.marker.evaluate({"extra": ""})
            and _lack(one)
        ]
        values = {"lacking": lacking}
        if lacking:
            says = f"lacks {', '.join(lacking)}"
            found.append(Finding(extra, "note", says, f"pip install 'likely[{extra}]'", values))
        else:
            found.append(Finding(extra, "good", "complete", "", values))
    return found


def plugins() -> list[Finding]:
    """Entries that other packages declare, and whether they can be imported."""
    found = []
    for room in ROOMS:
        for point in entry_points(group=f"likely.{room}"):
            name = f"{room}/{point.name}"
            origin = point.dist.name if point.dist is not None else "a package"
            try:
                get(room, point.name)
            except Exception as problem:  # Whatever somebody else's package raises.
                found.append(
                    Finding(name, "caution", reason(problem), f"repair or uninstall {origin}")
                )
            else:
                found.append(Finding(name, "good", f"from {origin}"))
    return found or [Finding("entry points", "note", "no other package adds entries")]


def _requirements() -> "list[Requirement] | None":
    """What the installed package declares; None where it is not installed."""
    try:
        from packaging.requirements import Requirement

        return [Requirement(line) for line in requires("likely") or []]
    except (PackageNotFoundError, ImportError):
        return None


def _python() -> Finding:
    here = platform.python_version()
    try:
        from packaging.specifiers import SpecifierSet

        wanted = ",".join(metadata("likely").get_all("Requires-Python") or [])
        if not SpecifierSet(wanted).contains(here, prereleases=True):
            return Finding("python", "broken", f"{here}, and {wanted} is needed", "a newer Python")
    except (PackageNotFoundError, ImportError):
        pass
    return Finding("python", "good", here)


def _lack(one: "Requirement") -> str:
    """Why a requirement is not met; empty where it is."""
    try:
        here = version(one.name)
    except PackageNotFoundError:
        return "not installed"
    fits = one.specifier.contains(here, prereleases=True)
    return "" if fits else f"{here}, and {one.specifier} is needed"


def _package(one: "Requirement") -> Finding:
    lack = _lack(one)
    if not lack:
        return _plain(one.name)
    missing = lack == "not installed"
    return Finding(one.name, "broken" if missing else "caution", lack, f"pip install '{one}'")


def _plain(name: str) -> Finding:
    try:
        return Finding(name, "good", version(name))
    except PackageNotFoundError:
        return Finding(name, "note", "not installed")


def _imports() -> Iterator[Finding]:
    """Libraries that can be installed and broken all the same: really imported."""
    for name, attempt in _HEAVY.items():
        try:
            attempt()
        except Exception as problem:  # A broken binary raises anything.
            remedy = f"pip install --force-reinstall {name}"
            yield Finding(f"import {name}", "broken", reason(problem), remedy)


def _numpy() -> None:
    import numpy as np

    assert np.zeros(1).sum() == 0


def _torch() -> None:
    import torch

    assert torch.zeros(1).sum().item() == 0


def _transformers() -> None:
    from transformers import LlamaConfig

    assert LlamaConfig.model_type


_HEAVY: dict[str, Callable[[], None]] = {
    "numpy": _numpy,
    "torch": _torch,
    "transformers": _transformers,
}
