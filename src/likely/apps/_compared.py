"""A comparison as a terminal shows it: what to use, what it costs, what could not be seen."""

from pathlib import Path
from typing import Any

from likely.apps._console import program, results, table
from likely.apps._verdict import spent
from likely.train._judges import better
from likely.train._study_verdicts import figure
from likely.train.comparison import ArmResult, Comparison, Verdict

_STYLE = {"better": "bold green", "worse": "bold red"}


def show(found: Comparison, folder: Path) -> None:
    """Print everything a reader needs to use a comparison, or to doubt it.

    Args:
        found: the comparison.
        folder: where it lies.
    """
    console = results()
    side = better(found.primary)
    console.print(f"\n{found.primary} of test {found.things}, {side} is better; {_design(found)}\n")
    console.print(_arms(found))
    for one in found.verdicts:
        if one.primary:
            console.print(one.sentence, style=_STYLE.get(one.word))
    console.print(f"\n{advice(found)}", style="bold")
    others = [name for name in found.measures if name != found.primary]
    if others:
        console.print(_others(found, others))
    for line in (*_tuned(found), *(f"Mind: {note}" for note in found.notes)):
        console.print(line)
    console.print(f"{spent(found.cpu_minutes)} of the processor. Everything: {folder}")
    path = sorted((folder / "recipes").glob("*.toml"))[_place(found)]
    console.print(f"Train it: {program()} train {path}")


def advice(found: Comparison) -> str:
    """What to use, in a sentence.

    Args:
        found: the comparison.

    Returns:
        The sentence; it never says more than the verdicts do.
    """
    base = found.baseline
    if found.fast:
        return "A quick look says nothing about what to use: leave --fast out."
    deciding = [one for one in found.verdicts if one.primary]
    if all(one.word == "too few seeds" for one in deciding):
        few = "1 seed is" if len(found.seeds) == 1 else f"{len(found.seeds)} seeds are"
        return f"{few} too few to say what to use: take 5 at least."
    best = _best(found)
    untuned = "" if found.tuned else "Untuned: "
    if best is not None:
        dear = _dearer(found.arm(best.arm))
        return f"{untuned}Use {best.arm}: it is better than {base}, and a step costs {dear}."
    unseen = [one for one in deciding if one.word == "no difference seen"]
    said = f"{untuned}Nothing here is seen to be better than {base}: keep it."
    effects = [one.smallest_effect for one in unseen if one.smallest_effect is not None]
    if effects:
        said += f" Differences below {figure(max(effects))} could not have been seen."
    return said


def _best(found: Comparison) -> Verdict | None:
    """Of the arms that are better, the one that is furthest from the baseline."""
    winners = [one for one in found.verdicts if one.primary and one.word == "better"]
    return max(winners, key=lambda one: abs(one.mean or 0.0), default=None)


def _place(found: Comparison) -> int:
    best = _best(found)
    name = best.arm if best else found.baseline
    return [arm.name for arm in found.arms].index(name)


def _design(found: Comparison) -> str:
    seeds = f"{len(found.seeds)} seed{'s' if len(found.seeds) > 1 else ''} each"
    tuned = f"tuned by {len(found.arms[0].tried)} trials each" if found.tuned else "untuned"
    unit, amount = found.budget["unit"], found.budget["amount"]
    cost = {
        "tokens": f"{amount:g} tokens",
        "flops": f"{amount:g} FLOPs",
        "seconds": f"{amount:.3g} s of {found.budget['reference']['name'] or 'this machine'}",
    }[unit]
    return f"{seeds}, {tuned}, {cost} a training."


def _arms(found: Comparison) -> Any:
    header = [
        "arm", "steps", "mean", f"against {found.baseline} (95 %)", "p (Holm)", "verdict",
        "could have seen", "time a step", "memory",
    ]  # fmt: skip
    return table(header, [_row(found, arm) for arm in found.arms])


def _row(found: Comparison, arm: ArmResult) -> list[str]:
    mean = arm.mean(found.primary) if found.primary in arm.measures else None
    row = [arm.name, f"{arm.steps:,}", "diverged" if mean is None else figure(mean)]
    costs = [f"{arm.cost.time_ratio:.2f}×", f"{arm.cost.memory_ratio:.2f}×"]
    if arm.name == found.baseline:
        return [*row, "baseline", "", "", "", *costs]
    one = found.verdict(arm.name)
    said = "" if one.mean is None else figure(one.mean, sign=True)
    if one.low is not None and one.high is not None:
        said += f" ({figure(one.low, sign=True)} … {figure(one.high, sign=True)})"
    p = "" if one.p_adjusted is None else f"{one.p_adjusted:.2g}"
    seen = "" if one.smallest_effect is None else figure(one.smallest_effect)
    return [*row, said, p, one.word, seen, *costs]


def _others(found: Comparison, names: list[str]) -> Any:
    """Means of the other measures; a word where they differ from the baseline."""
    rows = []
    for name in names:
        row = [name]
        for arm in found.arms:
            mean = arm.mean(name) if name in arm.measures else None
            row.append("" if mean is None else figure(mean) + _word(found, arm, name))
        rows.append(row)
    return table(["also looked at (decides nothing)", *(arm.name for arm in found.arms)], rows)


def _word(found: Comparison, arm: ArmResult, measure: str) -> str:
    words = [one.word for one in found.verdicts if (one.arm, one.measure) == (arm.name, measure)]
    return f" ({words[0]})" if words and words[0] in ("better", "worse", "higher", "lower") else ""


def _dearer(arm: ArmResult) -> str:
    memory = f"{arm.cost.memory_ratio:.2f} × the memory"
    return f"{arm.cost.time_ratio:.2f} × the time and {memory} of plain cross-entropy"


def _tuned(found: Comparison) -> list[str]:
    if not found.tuned:
        return ["Untuned: each arm has the learning rate and the settings that it was given."]
    said = "; ".join(
        f"{arm.name}: {', '.join(f'{k} {_plain(v)}' for k, v in arm.chosen.items())}"
        for arm in found.arms
    )
    return [f"Chosen by tuning: {said}."]


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
