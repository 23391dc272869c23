"""A result of a claim as a terminal shows it."""

from collections.abc import Mapping
from typing import Any

from likely.apps._console import results, table
from likely.train.claim import Claim
from likely.train.ledger import Result

_WIDE = 56
_STYLE = {"held": "bold green", "failed": "bold red"}


def show(result: Result, claim: Claim) -> None:
    """Print everything a reader needs to doubt a result.

    Args:
        result: what came of it.
        claim: what was tried.
    """
    console, content = results(), result.content
    console.print(f"\n{claim.claim}", style="bold")
    console.print(f"“{claim.title}”, {claim.source}")
    console.print(f"Tried on: {claim.data}. {claim.note}\n")
    for number, row in enumerate(content["decisions"], start=1):
        for line in _decision(number, row):
            console.print(line)
        console.print()
    console.print(_arms(content))
    for line in _tuned(content):
        console.print(line)
    for note in content["notes"]:
        console.print(note)
    console.print(sentence(result), style=_STYLE.get(result.outcome, "bold"))
    console.print(f"{spent(content['cpu_minutes'])} of the processor. The result: {result.path}")


def sentence(result: Result) -> str:
    """The outcome of a claim in one sentence.

    Args:
        result: what came of it.

    Returns:
        The sentence.
    """
    name, seeds = result.content["name"], f"{result.seeds} seeds"
    if result.fast:
        return f"{name}: a quick look with {seeds}; it never counts. Try it: leave --fast out."
    if result.outcome == "held":
        return f"{name} held: every interval over {seeds} lies beyond its margin."
    rows = [row for row in result.content["decisions"] if row["outcome"] == result.outcome]
    if result.outcome == "failed":
        said = "; ".join(row["says"] for row in rows)
        return f"{name} failed: over {seeds}, this is not so: {said}."
    if result.outcome == "undecided":
        said = "; ".join(row["says"] for row in rows)
        reasons = " ".join(dict.fromkeys(row["reason"] for row in rows))
        return f"{name} is undecided: {seeds} do not tell whether this is so: {said}. {reasons}"
    return f"{name} has no verdict: {result.content['reason']}"


def spent(minutes: float) -> str:
    """A time of the processor in words.

    Args:
        minutes: of one core.

    Returns:
        Minutes, or seconds where it was less than one.

    Example:
        >>> spent(7.25), spent(0.05)
        ('7.2 minutes', '3.0 seconds')
    """
    return f"{minutes:.1f} minutes" if minutes >= 1 else f"{60 * minutes:.1f} seconds"


def _decision(number: int, row: Mapping[str, Any]) -> list[str]:
    """Lines about one condition: what it says, the interval, both tests, what could be seen."""
    lines = [f"{number}. {row['says']}"]
    if row["mean"] is None:
        return [*lines, f"   {of(row)}: {figure(row['differences'][0])} with one seed: no interval"]
    edge = figure(edge_of(row))
    lines += [
        f"   {of(row)}: {figure(row['mean'])}, 95 % {figure(row['low'])} … {figure(row['high'])}; "
        f"to hold, all of it {row['side']} {edge}",
        f"   {bar(row)}",
        f"   p {row['p_adjusted']:.2g} (Student's t, Holm), {row['p_sign']:.2g} (sign flips); "
        f"found in 80 % of cases: {figure(row['smallest_effect'])} off the margin",
        f"   {row['outcome']}: {row['reason']}",
    ]
    return lines


def of(row: Mapping[str, Any]) -> str:
    """What a decision subtracts, in words.

    Args:
        row: a decision of a result.

    Returns:
        `exact of goldfish − of cross_entropy`.
    """
    first, against = f"{row['measure']} of {row['arm']}", row["against"]
    if not isinstance(against, str):
        return f"{first} − {against:g}"
    other = row["against_measure"] or row["measure"]
    if against == row["arm"]:
        return f"{first} − {other}"
    return f"{first} − {'' if other == row['measure'] else other + ' '}of {against}"


def edge_of(row: Mapping[str, Any]) -> float:
    """The value that the whole interval must lie beyond.

    Args:
        row: a decision of a result.

    Returns:
        The margin with the sign of its side.
    """
    return float(row["margin"] if row["side"] == "above" else 0.0 - row["margin"])


def bar(row: Mapping[str, Any]) -> str:
    """An interval as text, with zero and the margin.

    Args:
        row: a decision of a result.

    Returns:
        One line: `├──●──┤`, `0` at zero, `┊` at the margin.

    Example:
        >>> row = {"low": 1.0, "mean": 2.0, "high": 3.0, "margin": 0.5, "side": "above"}
        >>> bar(row).replace("·", " ").split()
        ['0', '┊', '├────────────────●─────────────────┤', '(0', 'zero,', '┊', 'margin)']
    """
    low, high, edge = float(row["low"]), float(row["high"]), edge_of(row)
    least, most = min(low, edge, 0.0), max(high, edge, 0.0)
    scale: float = (_WIDE - 3) / ((most - least) or 1.0)

    def at(value: float) -> int:
        return 1 + round((value - least) * scale)

    line = ["·"] * _WIDE
    line[at(low) : at(high) + 1] = "─" * (at(high) - at(low) + 1)
    line[at(low)], line[at(high)] = "├", "┤"
    line[at(0.0)], line[at(edge)] = "0", "┊"
    line[at(row["mean"])] = "●"
    return f"{''.join(line)} (0 zero, ┊ margin)"


def _arms(content: Mapping[str, Any]) -> Any:
    arms = content["arms"]
    names = list(dict.fromkeys(name for arm in arms.values() for name in arm["measures"]))
    rows = []
    for name in names:
        row = [name]
        for arm in arms.values():
            values = arm["measures"].get(name)
            row.append("" if values is None else spread(values))
        rows.append(row)
    return table(["mean over seeds (least … most)", *arms], rows)


def spread(values: list[float]) -> str:
    """A mean over seeds and how far seeds are apart.

    Args:
        values: one a seed.

    Returns:
        `0.5 (0.4 … 0.6)`.
    """
    said = figure(sum(values) / len(values))
    if len(set(values)) == 1:
        return said
    return f"{said} ({figure(min(values))} … {figure(max(values))})"


def _tuned(content: Mapping[str, Any]) -> list[str]:
    rows = {arm: chosen for arm, chosen in content["tuned"].items() if chosen}
    if not rows:
        return []
    said = "; ".join(
        f"{arm}: {', '.join(f'{name}={value}' for name, value in chosen.items())}"
        for arm, chosen in rows.items()
    )
    if content["tuning"] is None:
        return [f"Not tuned, the first of what tuning would try: {said}."]
    seeds = ", ".join(map(str, content["tuning"]["seeds"]))
    word = "seed" if len(content["tuning"]["seeds"]) == 1 else "seeds"
    return [f"Tuned on {word} {seeds} by {content['tuning']['measure']}: {said}."]


def figure(value: float) -> str:
    """A number with three digits that count.

    Args:
        value: the number.

    Returns:
        It, with a minus that is as wide as a plus.

    Example:
        >>> figure(-0.123456), figure(1234.5)
        ('−0.123', '1234')
    """
    said = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return said.replace("-", "−")
