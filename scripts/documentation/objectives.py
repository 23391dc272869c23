"""What objectives cost, from `benchmarks/results/objectives.json`: a table, and a sentence for the README."""

import json
import re
from pathlib import Path
from typing import Any

from likely.apps._facts import facts
from likely.core.bind import bind
from likely.core.catalogue import catalogue
from scripts.documentation.source import ROOT

RESULT = ROOT / "benchmarks" / "results" / "objectives.json"
BLOCK = re.compile(r"(<!-- objectives -->\n).*?(<!-- /objectives -->)", re.DOTALL)
UNITS = {"N": "token", "S": "sequence", "P": "pair", "M": "document"}
NOT_YET = "Not measured yet: `python -m benchmarks.objectives`."


def read(path: Path = RESULT) -> Any:
    """What was measured.

    Args:
        path: the file.

    Returns:
        Its contents, or None where there is none.
    """
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def on_page() -> str:
    """The table of `docs/benchmarks.md`."""
    kept = read()
    return NOT_YET if kept is None else table(kept)


def table(kept: Any) -> str:
    """Every case beside cross-entropy, and what the columns mean.

    Args:
        kept: what was measured.

    Returns:
        Markdown.
    """
    header = ["objective", "class", "in the loop", "patched", "memory", "memory of a step"]
    rows = [_row(one) for one in kept["cases"]]
    rows.append(
        _row({"label": "torch's loss on all logits", "kind": "", "over": [], **kept["torch"]})
    )
    rule = "|" + "---|" * len(header)
    lines = [f"| {' | '.join(header)} |", rule, *(f"| {' | '.join(r)} |" for r in rows)]
    return "\n".join(lines) + "\n\n" + _legend(kept)


def _row(one: Any) -> list[str]:
    loop = one["loop"]
    told = [_times(one[way]) for way in ("loop", "patched")]
    sizes = (
        [f"{loop[what]:.2f}" for what in ("memory", "memory_of_a_step")]
        if "words" not in loop
        else ["", ""]
    )
    over = " **above its bar**" if one["over"] else ""
    return [one["label"], one["kind"] + over, *told, *sizes]


def _times(one: Any) -> str:
    if "words" in one:
        return "–"
    ratio = one["processor"]
    return f"{ratio['median']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"


def _legend(kept: Any) -> str:
    size, bars = kept["size"], kept["bars"]
    wanted = ", ".join(f"{kind} {bar['seconds']:.2f}" for kind, bar in bars.items())
    loop, patched = (kept["torch"][way]["seconds_base"] for way in ("loop", "patched"))
    refused = sorted(
        {one["patched"]["words"] for one in kept["cases"] if "words" in one["patched"]}
    )
    said = "".join(f" “{words}”" for words in refused)
    return (
        f"Times cross-entropy on the same way: median of {size['repeats']} pairs of steps in turn, quartiles in "
        f"brackets, processor seconds. A step is forward, backward, clipping and AdamW of a transformer with "
        f"{size['layers']} layers, D {size['width']:,}, V {size['words']:,}, on {size['rows'] * size['length']:,} tokens; "
        f"one by cross-entropy takes {loop:.2f} s in the loop and {patched:.2f} s patched. {_where(kept)}. *Memory* is everything (weights, moments, second "
        f"models, the step), *memory of a step* what it adds to what stands, both in the loop. A live second model is as "
        f"large as the model; of a stored teacher there are {size['kept']} words a token. Bars: {wanted}; memory of the separable "
        f"ones {bars['separable']['memory']:.2f}; second models that are read and full rows have none. "
        f"–: not on this way:{said or ' none'}."
    )


def _where(kept: Any) -> str:
    machine = kept["machine"]
    later = sorted({one["date"] for one in kept["cases"]} - {kept["date"]})
    again = f", some rows again {', '.join(later)}" if later else ""
    return (
        f"One thread of {machine['cpus']} {machine['processor']} cores, load {machine['load_before']} before, "
        f"{kept['date']}, commit {kept['commit']}{again}"
    )


def sentence(kept: Any) -> str:
    """How many objectives there are and what the dearest costs.

    Args:
        kept: what was measured.

    Returns:
        One line.
    """
    apart = [one for one in kept["cases"] if one["second_model"] != "live"]
    live = [one for one in kept["cases"] if one["second_model"] == "live"]
    count, size, machine = (
        len({one["name"] for one in kept["cases"]}),
        kept["size"],
        kept["machine"],
    )
    dearest = max(apart, key=_worst)
    second = ""
    if live:
        most = max(live, key=_worst)
        second = f" ({_worst(most):.2f} × with a second model read live: {most['label']})"
    return (
        f"**{count} objectives; the dearest, {dearest['label']}, costs {_worst(dearest):.2f} × cross-entropy**"
        f"{second} in seconds a step: {size['layers']} layers, D {size['width']:,}, V {size['words']:,}, one thread of "
        f"{machine['cpus']} {machine['processor']} cores, {kept['date']} "
        "([all of them](docs/benchmarks.md#objectives))."
    )


def _worst(one: Any) -> float:
    found = [
        one[way]["processor"]["median"] for way in ("loop", "patched") if "words" not in one[way]
    ]
    return float(max(found, default=0.0))


def filled(text: str, path: Path = RESULT) -> str:
    """A page with its sentence as it should be; as it stands where nothing was measured.

    Args:
        text: of the README, with `<!-- objectives -->` and `<!-- /objectives -->` around the line.
        path: the file.

    Returns:
        The text.
    """
    kept = read(path)
    return text if kept is None else BLOCK.sub(lambda b: f"{b[1]}{sentence(kept)}\n{b[2]}", text)


def status() -> str:
    """The table of the chooser: what each objective says of itself."""
    rows = []
    for name, module in catalogue("objectives").items():
        if not module.startswith("likely."):
            continue
        bound = bind(name)
        said = facts(bound.entry.__doc__ or "")
        state, _, why = said.get("Status", "").partition(" (")
        rest = [said.get(fact, "") for fact in ("Cost", "Detached", "Denominator")]
        told = f"{state}: {why.removesuffix(')')}" if why else state
        rows.append([f"`{name}`", UNITS.get(bound.unit, bound.unit), *rest, told])
    header = ["objective", "one value a", "cost", "no gradient through", "divided by", "status"]
    rule = "|" + "---|" * len(header)
    return "\n".join([f"| {' | '.join(header)} |", rule, *(f"| {' | '.join(r)} |" for r in rows)])
