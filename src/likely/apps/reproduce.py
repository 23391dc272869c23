"""`likely reproduce`: try what a paper claims, and see an interval that could go the other way."""

import re
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from likely.core.errors import BadSetting

_WHERE = "likely reproduce"
_FLAG = Parameter(negative=())


def reproduce_claim(
    claim: Annotated[str | None, Parameter(show_default=False)] = None,
    /,
    *,
    seeds: int | None = None,
    fast: Annotated[bool, _FLAG] = False,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    budget: str | None = None,
    claims: Path | None = None,
    out: Path = Path("ledger"),
    processes: int | None = None,
    again: Annotated[bool, _FLAG] = False,
    json: Annotated[bool, _FLAG] = False,
) -> None:
    """Try a published claim: `likely reproduce 120`. Without a claim, list all.

    Arms, seeds and the rule that decides were fixed before running. The result says held, failed
    or undecided, and joins the ledger OUT; nothing there is ever written over. Ctrl-C keeps what is
    finished, and the same command goes on.

    Args:
        claim: a number (120), a name (goldfish) or a TOML file of your own.
        seeds: how many, in place of those that the claim fixes; fewer than 5 give no verdict.
        fast: only look: fewer seeds and smaller settings; it never counts.
        every: try all claims: untried ones first, the cheapest first, then more seeds for what is
            undecided.
        budget: minutes of the processor that --all may take: 60m, 2h or 90s.
        claims: a folder with other claims.
        out: the ledger.
        processes: seeds tried side by side; as many as there are cores, if not said otherwise.
        again: do everything anew, even if this claim was tried with this very code.
        json: print JSON.
    """
    minutes = _checked(claim, seeds, fast, every, budget, processes)
    from likely.apps import _trying

    order = _trying.Order(seeds, fast, claims, out, processes, again, json)
    if every:
        _trying.try_all(order, minutes)
    elif claim is None:
        _trying.list_claims(order)
    else:
        _trying.try_one(claim, order)


def _checked(
    claim: str | None,
    seeds: int | None,
    fast: bool,
    every: bool,
    budget: str | None,
    processes: int | None,
) -> float | None:
    """The budget in minutes; everything that does not go together is told at once."""
    problems = [
        f"{name}={value} should be at least 1."
        for name, value in (("seeds", seeds), ("processes", processes))
        if value is not None and value < 1
    ]
    if every:
        given = {f"the claim {claim!r}": claim, "--seeds": seeds, "--fast": fast or None}
        problems += [
            f"--all tries every claim as it is fixed: leave {name} out, or --all."
            for name, value in given.items()
            if value is not None
        ]
    elif budget is not None:
        problems.append("--budget is for --all: likely reproduce --all --budget 60m")
    if claim is None and not every and (seeds is not None or fast):
        problems.append("Name a claim, such as likely reproduce 120; without one, all are listed.")
    minutes = None
    if budget is not None:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", budget.strip())
        if found is None or float(found[1]) == 0:
            problems.append(f"--budget {budget!r} should be a time: write 60m, 2h or 90s.")
        else:
            minutes = float(found[1]) * {"s": 1 / 60, "m": 1.0, "h": 60.0}[found[2]]
    if problems:
        raise BadSetting(_WHERE, problems)
    return minutes
