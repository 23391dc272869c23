"""The ledger as a page, its pictures and the line of the README: all read from claims and results."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likely.apps._verdict import edge_of, figure, of, sentence, spent, spread
from likely.train.claim import Claim
from likely.train.claims import claims
from likely.train.ledger import Result, results, standing
from scripts.documentation.intervals import drawn
from scripts.documentation.reference import NOTE, linked
from scripts.documentation.source import ROOT

OWED = 523
"""Published systems on the list that this library set out to try: the one count that no file holds."""

BLOCK = re.compile(r"(<!-- ledger -->\n).*?(<!-- /ledger -->)", re.DOTALL)
OUTCOMES = ("held", "failed", "undecided")
BEGIN = (
    "Every system here makes a claim, and a claim can be tried. Arms, seeds and the rule that decides "
    "stand in a [file](../claims/README.md) that is fixed before running. The seed is the unit: arms "
    "are paired by seed, and the line in a picture is Student's 95 % interval of the mean difference "
    "over seeds. A claim **held** where every such interval lies wholly beyond its margin, it **failed** "
    "where one lies wholly on the other side (after Holm's correction), and it is **undecided** "
    "otherwise, with the seeds that would see half of what these can. Results are never written over; "
    "a changed claim makes its results invalid."
)


@dataclass(frozen=True)
class Tried:
    """A claim with all its results.

    Args:
        claim: as it is now.
        stands: the result that counts; None where there is none.
        found: every result.
    """

    claim: Claim
    stands: Result | None
    found: tuple[Result, ...]

    @property
    def outcome(self) -> str:
        """`held`, `failed` or `undecided`; `not tried` where too few seeds were."""
        said = self.stands.outcome if self.stands else ""
        return said if said in OUTCOMES else "not tried"


def tried(root: Path = ROOT) -> list[Tried]:
    """Every claim and what came of it.

    Args:
        root: of the repository: `claims/` and `ledger/` are looked at.

    Returns:
        One a claim, by number.
    """
    made = []
    for claim in claims(root / "claims"):
        found = results(root / "ledger", claim)
        made.append(Tried(claim, standing(found, claim), tuple(found)))
    return made


def pages(root: Path = ROOT) -> dict[str, str]:
    """The page and a picture a claim that was tried.

    Args:
        root: of the repository.

    Returns:
        Path below `docs` → text.
    """
    every = tried(root)
    made = {"ledger.md": _page(every)}
    for one in every:
        if one.stands is not None:
            made[f"ledger/{one.claim.name}.svg"] = drawn(one.stands.content["decisions"])
    return made


def filled(text: str, root: Path = ROOT) -> str:
    """A page with its ledger line as it should be.

    Args:
        text: of the README.
        root: of the repository.

    Returns:
        The text.
    """
    return BLOCK.sub(lambda block: f"{block[1]}{_badge(tried(root))}\n{block[2]}", text)


def _badge(every: list[Tried]) -> str:
    count = _count(every)
    said = " · ".join(f"{count[name]} {name}" for name in OUTCOMES)
    return f"[**The ledger**](docs/ledger.md): {sum(count.values())} tried · {said}"


def _count(every: list[Tried]) -> Counter[str]:
    return Counter(one.outcome for one in every if one.outcome in OUTCOMES)


def _page(every: list[Tried]) -> str:
    count = _count(every)
    said = ", ".join(f"{count[name]} {name}" for name in OUTCOMES)
    parts = [
        "# The ledger",
        NOTE.replace("the docstrings", "`claims/` and `ledger/`"),
        BEGIN,
        f"**{_claims(sum(count.values()))} tried: {said}** (of {OWED} published systems that we set out to try).",
    ]
    if every:
        rows = [
            [
                f"[{one.claim.name}](#{_anchor(one.claim.name)})",
                one.claim.claim,
                one.outcome,
                f"{one.claim.cpu_minutes:g}",
            ]
            for one in every
        ]
        parts.append(_rows(["", "claim", "outcome", "CPU minutes"], rows))
    return "\n\n".join([*parts, *(_section(one) for one in every)]) + "\n"


def _claims(count: int) -> str:
    return "1 claim" if count == 1 else f"{count} claims"


def _section(one: Tried) -> str:
    claim = one.claim
    parts = [
        f"## {claim.name}",
        f"> {claim.claim}",
        f"*{claim.title}*, {linked(claim.source)}. On {claim.data}. {claim.note}".rstrip(),
    ]
    if one.stands is None:
        parts.append("**Not tried yet.**")
    else:
        parts += _outcome(one.stands)
    number = claim.name.partition("_")[0]
    parts += [f"```sh\nlikely reproduce {number}\n```", *_others(one)]
    return "\n\n".join(part for part in parts if part)


def _outcome(result: Result) -> list[str]:
    content = result.content
    name = content["name"]
    said = sentence(result).removeprefix(name).strip()
    parts = [
        f"**{said[0].upper()}{said[1:]}**",
        f"![Intervals of the decisions](ledger/{name}.svg)",
        _decisions(content["decisions"]),
        _arms(content),
        _tuned(content),
    ]
    commit = content["commit"]
    date = content["date"].partition(" ")[0]
    link = f"../ledger/{name}/{result.path.name}"
    facts = [
        f"{result.seeds} seeds",
        f"{spent(content['cpu_minutes'])} of one core",
        f"commit {commit[:10] + ('+' if commit.endswith('+') else '')}" if commit else "",
        f"{date}",
        f"[{result.path.name}]({link})",
    ]
    return [*parts, " ".join(content["notes"]), " · ".join(fact for fact in facts if fact)]


def _decisions(rows: list[Mapping[str, Any]]) -> str:
    cells = []
    for number, row in enumerate(rows, start=1):
        edge = f"{row['side']} {figure(edge_of(row))}"
        if row["mean"] is None:
            cells.append([f"{number}. {row['says']}", of(row), "", "", edge, "", "", ""])
            continue
        interval = f"{figure(row['low'])} … {figure(row['high'])}"
        p_values = f"{row['p_adjusted']:.2g}; {row['p_sign']:.2g}"
        seen = figure(row["smallest_effect"])
        cells.append(
            [f"{number}. {row['says']}", f"`{of(row)}`", figure(row["mean"]), interval, edge,
             p_values, seen, row["outcome"]]
        )  # fmt: skip
    return _rows(
        ["decision", "difference", "mean", "95 %", "to hold", "p: t with Holm; sign flips",
         "found in 80 % of cases", "outcome"],
        cells,
    )  # fmt: skip


def _arms(content: Mapping[str, Any]) -> str:
    arms = content["arms"]
    about = content["claim"]["arms"]
    names = list(dict.fromkeys(name for arm in arms.values() for name in arm["measures"]))
    rows = [["", *(about[arm]["about"] for arm in arms)]]
    for name in names:
        values = [arm["measures"].get(name) for arm in arms.values()]
        rows.append([f"`{name}`", *("" if v is None else spread(v) for v in values)])
    return _rows(["mean (least … most)", *(f"`{arm}`" for arm in arms)], rows)


def _tuned(content: Mapping[str, Any]) -> str:
    tuning = content["tuning"]
    if tuning is None:
        return ""
    seeds = ", ".join(map(str, tuning["seeds"]))
    chosen = {arm: _settings(picked) for arm, picked in content["tuned"].items()}
    said = "; ".join(f"`{arm}` {picked}" for arm, picked in chosen.items())
    tries = len(tuning["tried"]) // max(1, len(chosen))
    return (
        f"Each arm tried {tries} settings on seeds that count for nothing else ({seeds}) and kept "
        f"that with the {tuning['best']} `{tuning['measure']}`: {said}."
    )


def _settings(chosen: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in chosen.items())


def _others(one: Tried) -> list[str]:
    lines = []
    for other in one.found:
        if one.stands is not None and other.path == one.stands.path:
            continue
        why = "superseded"
        if other.fast:
            why = "a quick look"
        elif not other.of(one.claim):
            why = "the claim has changed since"
        elif one.stands is not None and other.number > one.stands.number:
            why = "fewer seeds"
        link = f"../ledger/{one.claim.name}/{other.path.name}"
        date = other.content["date"].partition(" ")[0]
        lines.append(
            f"- [{other.path.name}]({link}): {other.outcome}, {other.seeds} seeds, {date}; {why}"
        )
    return ["Other results, none of which counts:\n\n" + "\n".join(lines)] if lines else []


def _anchor(name: str) -> str:
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")


def _rows(header: list[str], rows: list[list[str]]) -> str:
    rule = "|" + "---|" * len(header)
    plain = [[cell.replace("|", "\\|") for cell in row] for row in [header, *rows]]
    lines = [f"| {' | '.join(row)} |" for row in plain]
    return "\n".join([lines[0], rule, *lines[1:]])
