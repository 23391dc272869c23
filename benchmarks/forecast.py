"""Forecasts: how long fits take, and how often runs that were not seen lay inside their intervals.

python -m benchmarks.forecast                   both parts, write results/forecast.json
python -m benchmarks.forecast --only real       one part, keep the other of the file
python -m benchmarks.forecast --fast --out FILE few refits: does it run?

One thread. Both need LIKELY_MEASUREMENTS, the folder of published tables. Beside ours on the same
tables: the published procedure (L-BFGS of scipy from its grid of 4,500 starts, here with our
derivatives), and the package `chinchilla` where it is installed.
"""

import argparse
import contextlib
import io
import json
import os
import tempfile
import time
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.gradient_file import ROOT, about
from likely.core.errors import LikelyError
from likely.forecast import schedules
from likely.forecast._problem import problem_of
from likely.forecast._solve import look
from likely.forecast.fit import fit
from likely.forecast.law import law as law_of
from likely.forecast.reach import compute_of
from likely.forecast.read_table import read_table
from likely.forecast.rollout import predict_rows, roll_out

RESULT = ROOT / "benchmarks" / "results" / "forecast.json"
FORMAT = 1
BARS = {"chinchilla fit": 0.1, "chinchilla, 4,000 refits": 5.0, "annealing fit": 0.1,
        "multi_power fit": 5.0}  # fmt: skip
C4 = "eval/c4_val/CrossEntropyLoss"
SIZES = ("params", "tokens", "loss")


def folder():
    """Where the published tables are."""
    found = os.environ.get("LIKELY_MEASUREMENTS")
    if not found:
        raise SystemExit("Set LIKELY_MEASUREMENTS to the folder of published tables.")
    return Path(found)


def clock(work, repeats=5):
    """Smallest processor and wall time of a piece of work, and what it gave, after one warm run."""
    work()
    taken, result = [], None
    for _ in range(repeats):
        begin, started = os.times(), time.perf_counter()
        result = work()
        end, wall = os.times(), time.perf_counter() - started
        taken.append((sum(end[:4]) - sum(begin[:4]), wall))
    processor, wall = min(taken)
    return {"processor": round(processor, 4), "wall": round(wall, 4)}, result


def published(table):
    """Hoffmann's procedure: L-BFGS from every point of the grid, in logarithms of E, A, B."""
    from scipy.optimize import minimize

    problem = problem_of(law_of("chinchilla"), table, held={}, delta=1e-3)

    def both(point):
        # Our coordinates are logarithms throughout; the exponents are searched as they are.
        inner = np.array([*point[:3], *np.log(np.maximum(point[3:], 1e-12))])
        loss, slope, _ = look(problem, inner[None])
        slope = slope[0] / np.array([1, 1, 1, *np.maximum(point[3:], 1e-12)])
        return (float(loss[0]), slope) if np.isfinite(loss[0]) else (1e10, np.zeros(5))

    best, arrived, ends = np.inf, 0, []
    halves, fives = np.arange(0, 2.1, 0.5), np.arange(0, 26, 5)
    grid = product(np.arange(-1, 1.1, 0.5), fives, fives, halves, halves)
    for start in grid:
        found = minimize(both, start, jac=True, method="L-BFGS-B")
        ends.append(found.fun)
        best = min(best, found.fun)
    arrived = float((np.array(ends) <= best * (1 + 1e-3)).mean())
    return {"objective": best, "starts": len(ends), "arrived": arrived}


def package(table, each):
    """The package `chinchilla`, from `each` values of every parameter of the grid in its README."""
    from chinchilla import Chinchilla

    grid = {"E": (1, 2), "a": (1, 10), "b": (1, 10), "alpha": (0.1, 0.7), "beta": (0.1, 0.7)}
    with tempfile.TemporaryDirectory() as made, contextlib.redirect_stdout(io.StringIO()):
        rows = np.stack([compute_of(table), *(table[name] for name in SIZES)], 1)
        text = "C,N,D,loss\n" + "\n".join(",".join(f"{x:.9g}" for x in row) for row in rows)
        (Path(made) / "df.csv").write_text(text)
        spaced = {name: np.linspace(*ends, each) for name, ends in grid.items()}
        held = Chinchilla(made, param_grid=spaced, log_level=40)
        held.fit(parallel=False)
        return {name: float(value) for name, value in held.params.items()}


def curves(size):
    """Three published curves: cosine, constant, two stages."""
    rows = read_table(folder() / "mpl_curves" / "curves.csv", needs=("step", "loss"))
    rows = rows.where(f"model_m == {size}")
    run = {"peak": 3e-4, "warmup": 2160}
    rates = {
        "cosine_24000": schedules.cosine(steps=24000, floor=0.1, **run),
        "constant_24000": schedules.constant(steps=24000, **run),
        "wsdcon_9": schedules.two_stage(steps=16000, at=8000, factor=0.3, **run),
    }
    kept = [i for i, name in enumerate(rows["schedule"]) if name in rates]
    names = [rows["schedule"][i] for i in kept]
    return {
        "step": rows["step"][kept],
        "loss": rows["loss"][kept],
        "schedule": [rates[name] for name in names],
    }


def chinchilla_runs():
    """The 240 runs of the published fits."""
    table = read_table(folder() / "chinchilla_epoch" / "runs.csv")
    return table.take(np.sort(np.argsort(table["loss"])[:240]))


def speed(fast):
    """Seconds of our fits, and of others' on the same table."""
    runs, along = chinchilla_runs(), curves(25)
    refits = 100 if fast else 4000
    works = {
        "chinchilla fit": lambda: fit("chinchilla", runs, bootstrap=0),
        "chinchilla, 4,000 refits": lambda: fit("chinchilla", runs, bootstrap=refits),
        "kaplan fit": lambda: fit("kaplan", runs, bootstrap=0),
        "annealing fit": lambda: fit("annealing", along, bootstrap=0),
        "multi_power fit": lambda: fit("multi_power", along, bootstrap=0),
        "multi_power, 400 refits": lambda: fit(
            "multi_power", along, bootstrap=5 if fast else 400, stretch=False
        ),
    }
    found = {}
    for name, work in works.items():
        found[name], made = clock(work, 1 if fast or "refits" in name else 5)
        found[name] |= {"objective": made.objective, "bar": BARS.get(name)}
        print(name, found[name], flush=True)
    if not fast:
        begin = time.process_time()
        found["published grid"] = published(runs)
        found["published grid"]["processor"] = round(time.process_time() - begin, 2)
        print("published grid", found["published grid"], flush=True)
    if find_spec("chinchilla") and not fast:
        begin = os.times()
        values = package(runs, 5)
        found["package chinchilla"] = {
            "processor": round(sum(os.times()[:4]) - sum(begin[:4]), 2),
            "starts": 5**5,
            "coefficients": values,
            "objective": fit("chinchilla", runs, hold=values, bootstrap=0).objective,
        }
        print("package chinchilla", found["package chinchilla"], flush=True)
    return found


def tables():
    """Published tables of runs with at least three decades of compute."""
    at = folder()
    yield "chinchilla_epoch", chinchilla_runs()
    for name in ("c4_original", "rpj"):
        yield f"gadre {name}", read_table(
            at / "gadre_overtrain" / "runs.csv", columns={"loss": "loss_c4_val"},
            where=f"dataset == '{name}'", needs=SIZES,
        )  # fmt: skip
    sweep = read_table(at / "loss_to_loss" / "sweep.csv", columns={"loss": C4}, needs=SIZES)
    for name in sorted(set(sweep["data"])):
        yield f"loss_to_loss {name}", sweep.where(f"data == '{name}'")
    points = read_table(at / "porian_isoflop" / "isoflop_points.csv", needs=SIZES)
    keys = ("hparams", "warmup", "decay", "param_count", "val")
    for key in sorted(set(zip(*(points[k] for k in keys), strict=True))):
        chosen = " and ".join(f"{k} == '{v}'" for k, v in zip(keys, key, strict=True))
        yield f"porian {' '.join(key)}", points.where(chosen)
    yield "olmo_ladder", read_table(
        at / "olmo_ladder" / "checkpoints.parquet", checkpoints="final", needs=SIZES,
        columns={"params": "size_in(run)", "loss": "eval/c4_en-validation/CrossEntropyLoss"},
    )  # fmt: skip


def decades(table):
    """Of compute."""
    compute = compute_of(table)
    return float(np.log10(compute.max() / compute.min()))


def scored(found):
    """A roll-out as it is kept."""
    clean = ~found.cautioned
    share = round(float(found.inside[clean].mean()), 4) if clean.any() else None
    return {
        "rows": len(found.rows),
        "learnt_from": found.fit.count,
        "mean_error": round(found.mean_error, 5),
        "largest_error": round(found.largest_error, 5),
        "bias": round(float(found.errors.mean()), 5),
        "inside": round(found.coverage, 4),
        "without_caution": int(clean.sum()),
        "inside_without_caution": share,
        "stretch": round(found.fit.stretch, 3),
        "cautions": sorted({one.kind for one in found.fit.cautions}),
    }


def beside(table, found):
    """What others predict of the same rows from the same runs."""
    seen = table.take(np.setdiff1d(np.arange(table.count), found.rows))
    asked = table.take(found.rows)
    values = package(seen, 3)
    said = law_of("chinchilla")({n: asked[n] for n in ("params", "tokens")}, **values)
    away = said / asked["loss"] - 1
    return {
        "mean_error": round(float(np.abs(away).mean()), 5),
        "bias": round(float(away.mean()), 5),
    }


def real(fast):
    """Largest-fifth roll-outs of every table, by law."""
    refits, kept = (50 if fast else 1000), []
    for name, table in tables():
        if decades(table) < 2.95:
            print("left out, too few decades:", name, decades(table), flush=True)
            continue
        for law in ("chinchilla", "kaplan"):
            try:
                found = roll_out(law, table, bootstrap=refits)
                same = np.isin(np.arange(table.count), found.rows)
                raw = predict_rows(law, table, held_out=same, bootstrap=refits, stretch=False)
            except LikelyError as problem:
                kept.append({"table": name, "law": law, "failed": str(problem)})
                continue
            row = {"table": name, "law": law, "decades": round(decades(table), 2), **scored(found)}
            row["inside_unstretched"] = round(raw.coverage, 4)
            if law == "chinchilla" and find_spec("chinchilla") and not fast:
                row["package"] = beside(table, found)
            kept.append(row)
            print(row, flush=True)
        if fast and len(kept) > 2:
            break
    return kept


def main():
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("speed", "real"))
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    kept = json.loads(given.out.read_text()) if given.out.is_file() else {}
    for name, part in (("speed", speed), ("real", real)):
        if given.only in (None, name):
            kept[name] = part(given.fast)
    kept |= {"format": FORMAT, "about": about()}
    given.out.write_text(json.dumps(kept, indent=1) + "\n")
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
