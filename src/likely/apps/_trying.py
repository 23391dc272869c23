"""What `likely reproduce` does: one claim, all of them, or the list."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likely.apps import _verdict
from likely.apps._console import messages, print_json, program, results, table
from likely.apps._machine import usable_cores
from likely.apps._trial_bar import TrialBar
from likely.core.errors import LikelyError
from likely.train import ledger
from likely.train._waiting import Waiting, waiting
from likely.train.claim import Claim, load_claim
from likely.train.claims import claims, find_claim
from likely.train.errors import Interrupted
from likely.train.ledger import Result
from likely.train.reproduce import reproduce


@dataclass(frozen=True)
class Order:
    """What the command was given.

    Args:
        seeds: in place of those that the claim fixes.
        fast: only look.
        claims: another folder of claims.
        out: the ledger.
        processes: side by side.
        again: anew.
        json: print JSON.
    """

    seeds: int | None
    fast: bool
    claims: Path | None
    out: Path
    processes: int | None
    again: bool
    json: bool


def try_one(text: str, order: Order) -> None:
    """Try one claim and print what came of it.

    Args:
        text: its number, name or file.
        order: what else was given.
    """
    claim = load_claim(find_claim(text, order.claims))
    result = _tried(claim, order, order.seeds)
    if order.json:
        print_json({"file": result.path.as_posix(), **result.content})
    else:
        _verdict.show(result, claim)


def try_all(order: Order, minutes: float | None) -> None:
    """Try every claim that waits, as far as the budget goes.

    Args:
        order: what was given.
        minutes: of the processor; None for no limit.
    """
    console, known = messages(), claims(order.claims)
    todo = waiting(known, order.out)
    console.print(_plan(todo, len(known)), style="dim")
    spent, failed, done = 0.0, 0, []
    while todo and (minutes is None or spent + todo[0].cpu_minutes <= minutes):
        one = todo.pop(0)
        try:
            result = _tried(one.claim, order, one.seeds)
        except Interrupted:
            raise
        except LikelyError as problem:
            console.print(f"{one.claim.name}: {problem}", style="red")
            failed += 1
            continue
        spent += result.content["cpu_seconds_now"] / 60
        done.append(result)
        console.print(_verdict.sentence(result), style="bold")
    if order.json:
        print_json([{"file": one.path.as_posix(), **one.content} for one in done])
    else:
        list_claims(order)
    if todo:
        console.print(_left(todo, spent))
    if failed:
        raise LikelyError(
            f"{failed} claims could not be tried, as said above. Try one by itself: "
            "likely reproduce NAME"
        )


def list_claims(order: Order) -> None:
    """Print every claim, what came of it so far, and how to try one.

    Args:
        order: the folder, the ledger and whether as JSON.
    """
    rows: list[dict[str, Any]] = []
    for claim in claims(order.claims):
        found = ledger.standing(ledger.results(order.out, claim), claim)
        rows.append({
            "name": claim.name,
            "claim": claim.claim,
            "source": claim.source,
            "cpu_minutes": claim.cpu_minutes,
            "outcome": found.outcome if found else None,
            "seeds": found.seeds if found else None,
            "file": found.path.as_posix() if found else None,
        })  # fmt: skip
    if order.json:
        print_json(rows)
        return
    if not rows:
        results().print("There are no claims here. Give a folder of them: --claims DIR")
        return
    cells = [_cells(row) for row in rows]
    made = table(["claim", "what it says", "outcome", "seeds", "CPU minutes"], cells)
    made.columns[1].justify = "left"
    results().print(made)
    first = next((row for row in rows if row["outcome"] is None), rows[0])
    results().print(f"Try one: {program()} reproduce {first['name'].partition('_')[0]}")


def _cells(row: dict[str, Any]) -> list[str]:
    seeds = "" if row["seeds"] is None else str(row["seeds"])
    outcome = row["outcome"] or "not tried"
    return [row["name"], row["claim"], outcome, seeds, f"{row['cpu_minutes']:g}"]


def _tried(claim: Claim, order: Order, seeds: int | None) -> Result:
    """Try a claim with a bar; say where nothing had to be done."""
    processes = order.processes or max(1, int(usable_cores()))
    before = len(ledger.results(order.out, claim))
    with TrialBar(messages()) as bar:
        result = reproduce(
            claim,
            out=order.out,
            seeds=seeds,
            fast=order.fast,
            processes=processes,
            again=order.again,
            progress=bar,
        )
    if len(ledger.results(order.out, claim)) == before:
        messages().print(
            f"{claim.name} was tried already with these seeds and this code, on "
            f"{result.content['date']}. Anew: --again",
            style="dim",
        )
    return result


def _plan(todo: list[Waiting], known: int) -> str:
    if not todo:
        return f"None of {known} claims waits: each has a decision, or cannot get one by seeds."
    cost = sum(one.cpu_minutes for one in todo)
    return f"{len(todo)} of {known} claims wait, about {cost:.0f} minutes of the processor."


def _left(todo: list[Waiting], spent: float) -> str:
    names = ", ".join(f"{one.claim.name} ({one.cpu_minutes:.1f})" for one in todo)
    return (
        f"The budget ends here, after {spent:.1f} minutes of the processor. Left, with the minutes "
        f"each takes: {names}. Go on with: likely reproduce --all --budget "
        f"{max(1, round(todo[0].cpu_minutes + 0.5))}m, or more."
    )
