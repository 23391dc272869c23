"""`likely doctor`: what is installed, what this machine can do, and what to do about the rest."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from likely.apps._console import print_json, results
from likely.apps._finding import COLOURS, MARKS, Finding

Findings = Mapping[str, Sequence[Finding]]


def doctor(
    *,
    quick: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Look at what is installed and at what this machine can do.

    Shows versions, cores, memory, GPUs, which number formats are fast here (measured, in a few
    seconds), and what is missing for which extra. Attach the output of `likely doctor --json` to a
    bug report: it holds no names of users or machines and no paths. Leaves with 0 where likely can
    be used, with 1 where something that it needs is missing or broken.

    Args:
        quick: measure no speed.
        json: print JSON.
    """
    found = examine(quick=quick)
    broken = [one for group in found.values() for one in group if one.state == "broken"]
    if json:
        rows = {name: [one.to_dict() for one in group] for name, group in found.items()}
        print_json({"format": 1, "usable": not broken, "closing": closing(found), **rows})
    else:
        _show(found)
    if broken:
        raise SystemExit(1)


def examine(*, quick: bool = False) -> dict[str, list[Finding]]:
    """Everything that was found, by heading.

    Args:
        quick: measure no speed.

    Returns:
        Findings in the order they are shown.
    """
    from likely.apps._installed import extras, packages, plugins
    from likely.apps._machine import accelerators, machine, variables
    from likely.apps._speed import speeds

    found = {
        "packages": packages(),
        "machine": machine(),
        "accelerators": accelerators(),
        "speed": [] if quick else speeds(),
        "extras": extras(),
        "plugins": plugins(),
        "environment": variables(),
    }
    return {name: group for name, group in found.items() if group}


def closing(found: Findings) -> str:
    """The one sentence that says what to do.

    Args:
        found: findings by heading.

    Returns:
        A sentence.
    """
    everything = [one for group in found.values() for one in group]
    broken = [one for one in everything if one.state == "broken"]
    if broken:
        steps = "; ".join(f"{one.name}: {one.remedy or one.says}" for one in broken)
        return f"Something that likely needs is missing or broken: repair {steps}"
    cautions = [one for one in everything if one.state == "caution"]
    lacking = [one for one in found.get("extras", ()) if one.state == "note"]
    names = ", ".join(one.name for one in cautions)
    look = f"; look at what is marked {MARKS['caution']}: {names}" if cautions else ""
    said = f"Everything that is needed is here{look}."
    if lacking:
        names = ",".join(one.name for one in lacking)
        said += f" For {_and([one.name for one in lacking])}: pip install 'likely[{names}]'"
    return said


def _and(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _show(found: Findings) -> None:
    from rich.table import Table
    from rich.text import Text

    console = results()
    for name, group in found.items():
        made = Table.grid(padding=(0, 2))
        width = max(len(one.name) for one in group)
        for column in ({"width": 1}, {"min_width": width}, {"overflow": "fold"}):
            options: Any = column
            made.add_column(**options)
        for one in group:
            says = Text(one.says)
            if one.remedy:
                says.append(f" → {one.remedy}", style="bold")
            made.add_row(Text(MARKS[one.state], style=COLOURS[one.state]), one.name, says)
        console.print(name.capitalize(), style="bold")
        console.print(made)
        console.print()
    console.print(closing(found), style="bold")
