"""`likely new`: the files of a new entry, which already pass their contracts."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from likely.apps._console import print_json, results


def new_entry(
    kind: Literal["objective", "sampler", "statistic"],
    name: str,
    /,
    *,
    into: Path = Path(),
    package: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Write a new objective, sampler or statistic to start from.

    What is written is a working entry with its mathematics, its documentation and what its tests
    need; it passes the contract tests as it is. Replace the mathematics by yours.

    Args:
        kind: objective, sampler or statistic.
        name: of the entry: its file, its function, the choice on the command line.
        into: a checkout of likely, or with --package the folder that the package is made in.
        package: make an installable package of your own, which likely finds by its entry point.
        json: print the paths as JSON.
    """
    from likely.apps._skeleton import (
        ROOM_OF,
        check_name,
        files_in_checkout,
        files_of_package,
        write_new,
    )

    check_name(kind, name)
    folder = into / f"likely-{name.replace('_', '-')}"
    files = files_of_package(kind, name, folder) if package else files_in_checkout(kind, name, into)
    write_new(files)
    if json:
        print_json({"name": name, "room": ROOM_OF[kind], "files": [str(path) for path in files]})
        return
    console = results()
    console.print(f"Wrote the {kind} {name!r}:")
    for path in files:
        console.print(f"  {path}")
    if package:
        console.print(f'Next: pip install --editable "{folder}[test]", then pytest {folder}')
    else:
        console.print(f'It works already. Try: make test ARGS="tests/contracts -k {name}"')
        console.print(f"Then put your own mathematics into {next(iter(files))}")
