"""What every objective costs beside plain cross-entropy: step time and peak memory.

python -m benchmarks.objectives                    measure all, write results/objectives.json
python -m benchmarks.objectives --only emo tldr    measure some again, keep the rest of the file
python -m benchmarks.objectives --fast --out FILE  tiny sizes: does it run?

One process, one thread. A step is forward, backward, clipping and AdamW, as `likely train` takes it
(`loop`) and inside the head of an unmodified model (`patched`). Each is timed in turn with
cross-entropy on the same way, so that a busy machine is busy for both; the ratio is the median over
pairs of steps. Memory is what stands (parameters, moments, second models) and the peak above it.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.gradient_file import ROOT, about
from benchmarks.objective_cases import BASE, FAST, FULL, Case, cases, kind_of
from benchmarks.objective_steps import Loop, Patched, alternated, memory
from likely.core.bind import bind
from likely.core.errors import LikelyError

RESULT = ROOT / "benchmarks" / "results" / "objectives.json"
FORMAT = 1
WAYS = {"loop": Loop, "patched": Patched}
BARS = {
    "separable": {"seconds": 1.15, "memory": 1.10},
    "low rank": {"seconds": 1.5},
    "coupled": {"seconds": 1.25},
}
"""At most this many times cross-entropy; what reads a second model is reported only."""


def spread(values):
    """Median and quartiles, four digits."""
    low, middle, high = torch.quantile(values, torch.tensor([0.25, 0.5, 0.75]).double()).tolist()
    return {"median": round(middle, 4), "low": round(low, 4), "high": round(high, 4)}


def measured(base, step, size):
    """One way of one case beside cross-entropy on the same way.

    Args:
        base: a step by cross-entropy.
        step: a step by the objective.
        size: says how often.

    Returns:
        Seconds and bytes of both, and ratios.
    """
    times = alternated(base, step, size.repeats, size.warm)
    ratio = times[:, 1] / times[:, 0]
    (stands, peak), (stands_base, peak_base) = memory(step), memory(base)
    return {
        "seconds": round(float(times[:, 1, 0].median()), 5),
        "seconds_base": round(float(times[:, 0, 0].median()), 5),
        "wall": spread(ratio[:, 0]),
        "processor": spread(ratio[:, 1]),
        "standing_bytes": stands,
        "peak_bytes": peak,
        "memory": round((stands + peak) / (stands_base + peak_base), 4),
        "memory_of_a_step": round(peak / peak_base, 4),
    }


def row(case, bases, size):
    """Everything that is kept of one case."""
    bound = bind(case.objective)
    found = {
        "label": case.label,
        "name": bound.name,
        "kind": kind_of(bound),
        "unit": bound.unit,
        "second_model": ("live" if case.live else "stored") if case.role else None,
    }
    for way, make in WAYS.items():
        if way == "patched" and case.live:
            found[way] = {"words": "the caller reads the second model"}
            continue
        try:
            step = make(size, case)
        except LikelyError as refusal:
            found[way] = {"words": str(refusal).splitlines()[0]}
            continue
        try:
            found[way] = measured(bases[way], step, size)
        finally:
            step.close()
    return found


def judge(found):
    """What is above its bar.

    Args:
        found: a row.

    Returns:
        Ways and what is too much there; empty where all is below, or nothing was promised.
    """
    if found["second_model"] == "live":
        return []
    bars, over = BARS.get(found["kind"], {}), []
    for way in WAYS:
        one = found[way]
        if "words" in one:
            continue
        for what, value in (("seconds", one["processor"]["median"]), ("memory", one["memory"])):
            if value > bars.get(what, float("inf")):
                over.append(f"{way}: {what} {value:.2f} above {bars[what]:.2f}")
    return over


def run(size, only=()):
    """Measure.

    Args:
        size: of everything.
        only: names; all where there are none.

    Returns:
        Rows, one a case; and torch's own loss on all logits beside cross-entropy on each way.
    """
    torch.set_num_threads(1)
    base = Case(BASE)
    bases = {way: make(size, base) for way, make in WAYS.items()}
    whole = Patched(size, base, plain=True)
    plain = {way: measured(one, whole, size) for way, one in bases.items()}
    print("torch", *(plain[way]["processor"]["median"] for way in WAYS), sep=" · ", flush=True)
    rows = []
    for case in cases(only):
        found = row(case, bases, size)
        found["over"] = judge(found)
        rows.append(found)
        told = [found[w].get("words") or found[w]["processor"]["median"] for w in WAYS]
        print(case.label, *told, *found["over"], sep=" · ", flush=True)
    for step in bases.values():
        step.close()
    return rows, plain


def main():
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args()
    if chosen.fast and chosen.out == RESULT:
        parser.error("--fast measures nothing that should be kept: give --out another file")
    size = FAST if chosen.fast else FULL
    told = about()
    rows, plain = run(size, chosen.only)
    rows = [{**one, "date": told["date"], "commit": told["commit"]} for one in rows]
    result = {"format": FORMAT, **told, "size": asdict(size), "bars": BARS, "torch": plain}
    if chosen.only and chosen.out.is_file():
        # What stays in the file was measured as its head says; each row has its own date.
        result = json.loads(chosen.out.read_text(encoding="utf-8"))
        if result["size"] != asdict(size):
            parser.error(f"{chosen.out} holds other sizes: measure all again")
        fresh = {one["label"]: one for one in rows}
        rows = [fresh.pop(one["label"], one) for one in result.pop("cases")] + [*fresh.values()]
    head = json.dumps(result, indent=1).removesuffix("\n}")
    lines = ",\n".join(f"  {json.dumps(one)}" for one in rows)
    chosen.out.write_text(f'{head},\n "cases": [\n{lines}\n ]\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
