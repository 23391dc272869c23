"""`likely list`: what there is, without importing it."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from likely.apps._console import print_json, results, table
from likely.apps._facts import facts
from likely.core.catalogue import ROOMS, catalogue
from likely.core.errors import BadSetting


def list_entries(
    room: str | None = None,
    *,
    wiring: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """List objectives, samplers, models, statistics, tokenizers, tasks, metrics, laws and more.

    Args:
        room: one room only: objectives, decode, models, vocab.statistics, data.tokenizers,
            data.tasks, audit.metrics, forecast.laws, train.judges or train.trials.
        wiring: show what each objective reads, and where it comes from.
        json: print JSON.
    """
    if wiring and room not in (None, "objectives"):
        raise BadSetting(
            "likely list",
            [f"--wiring is known for objectives, not for {room!r}: likely list --wiring"],
        )
    if wiring:
        _print_wiring(json)
        return
    if room == "objectives":
        _print_objectives(json)
        return
    found = {name: _entries(name) for name in ([room] if room else ROOMS)}
    if json:
        print_json(found)
        return
    for name, entries in found.items():
        rows = [[entry, line] for entry, line in entries.items()]
        made = table([f"{ROOMS[name]}", "what it is"], rows, title=name)
        made.columns[1].justify = "left"
        results().print(made)


def _entries(room: str) -> dict[str, str]:
    return {name: first_line(module, name) for name, module in catalogue(room).items()}


def first_line(module: str, name: str) -> str:
    """The first line of an entry's docstring, read from its source.

    Args:
        module: dotted path.
        name: the function.

    Returns:
        The line; the module's own where the function has none, empty where there is no source.
    """
    return next((text.splitlines()[0] for text in _docstrings(module, name) if text), "")


def _docstrings(module: str, name: str) -> list[str | None]:
    """Of the function and of its file, read from the source."""
    spec = find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return []
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name]
    return [*(ast.get_docstring(node) for node in found), ast.get_docstring(tree)]


def _print_objectives(as_json: bool) -> None:
    """What each objective is, with what its docstring says of its status and cost."""
    said = {}
    for name, module in catalogue("objectives").items():
        text = next((text for text in _docstrings(module, name) if text), "")
        known = facts(text)
        status, cost = known.get("Status", ""), known.get("Cost", "")
        first = text.splitlines()[0] if text else ""
        said[name] = {"what it is": first, "status": status, "cost": cost}
    if as_json:
        print_json(said)
        return
    rows = [
        [
            name,
            row["what it is"],
            re.split(r"[,;(]", row["cost"])[0].strip(),
            row["status"].split(" (")[0],
        ]
        for name, row in said.items()
    ]
    made = table(["objective", "what it is", "cost", "status"], rows, title="objectives")
    for column in made.columns[1:]:
        column.justify = "left"
    results().print(made)


def _print_wiring(as_json: bool) -> None:
    from likely.core.bind import Bound
    from likely.core.catalogue import get, module_of

    said = {}
    for name in catalogue("objectives"):
        entry = get("objectives", name)
        bound = Bound("objectives", name, entry, module_of("objectives", name), {})
        said[name] = {"unit": bound.unit, "reads": [str(wire) for wire in bound.wires()]}
    if as_json:
        print_json(said)
        return
    units = {"N": "token", "S": "sequence", "P": "pair", "M": "document"}
    for name, row in said.items():
        unit = str(row["unit"])
        results().print(f"{name}: one value a {units.get(unit, unit)}", style="bold")
        for line in row["reads"]:
            results().print(f"    {line}")
