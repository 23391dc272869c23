"""Forecasts: how long fits take, how often unseen runs lay inside their intervals, how many to buy.

python -m benchmarks.forecast                   all parts , write results/forecast.json
python -m benchmarks.forecast --only real       one part, keep the others of the file
python -m benchmarks.forecast --fast --out FILE few refits: does it run?

One thread. The first two need LIKELY_MEASUREMENTS, the folder of published tables. Beside ours on
the same tables: the published procedure (L-BFGS of scipy from its grid of 4,500 starts, here with
derivatives written by hand), and the package `chinchilla` where it is installed.
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
FEWEST_DECADES = 2.0
PLANTED = {"E": 1.8, "A": 480.0, "B": 2085.0, "alpha": 0.348, "beta": 0.366}
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

    sizes, tokens = np.log(table["params"]), np.log(table["tokens"])
    observed, delta = np.log(table["loss"]), 1e-3

    def both(point):
        a, b, e, alpha, beta = point
        parts = np.stack([a - alpha * sizes, b - beta * tokens, np.full(len(sizes), e)])
        top = parts.max(axis=0)
        said = top + np.log(np.exp(parts - top).sum(axis=0))
        share, away = np.exp(parts - said), said - observed
        pull = np.clip(away, -delta, delta)
        loss = np.where(np.abs(away) <= delta, away**2 / 2, delta * (np.abs(away) - delta / 2))
        slope = share @ pull
        by_size, by_tokens = -(share[0] * sizes) @ pull, -(share[1] * tokens) @ pull
        return loss.sum(), np.array([*slope, by_size, by_tokens])

    halves, fives = np.arange(0, 2.1, 0.5), np.arange(0, 26, 5)
    grid = product(fives, fives, np.arange(-1, 1.1, 0.5), halves, halves)
    ends = np.array([minimize(both, start, jac=True, method="L-BFGS-B").fun for start in grid])
    best = float(ends.min())
    return {
        "objective": best,
        "starts": len(ends),
        "arrived": round(float((ends <= best * (1 + 1e-3)).mean()), 4),
    }


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
    """Published tables of runs."""
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


def unseen_schedules(size):
    """Published curves: three to learn from, six to foretell after their branch."""
    table = read_table(
        folder() / "mpl_curves" / "curves.csv", needs=("step", "schedule", "loss"),
        where=f"model_m == {size}", warmup=2160,
    )  # fmt: skip
    names, rates = np.asarray(table["schedule_name"]), list(table["schedule"])
    seen = np.isin(names, ("cosine_24000", "constant_24000", "wsdcon_9"))
    learnt = [rates[int(np.flatnonzero(names == one)[0])] for one in sorted(set(names[seen]))]
    branch = {
        one: schedules.branch_step(rates[int(np.flatnonzero(names == one)[0])], learnt)
        for one in set(names[~seen])
    }
    after = np.array([s >= branch.get(n, 0) for s, n in zip(table["step"], names, strict=True)])
    kept = table.take(seen | after)
    return kept, (~seen)[seen | after]


def along(fast):
    """Roll-outs of schedules that were not seen."""
    for size, law in product((25, 100), ("annealing", "multi_power")):
        table, held_out = unseen_schedules(size)
        refits = 20 if fast else 200
        found = predict_rows(law, table, held_out=held_out, bootstrap=refits)
        raw = predict_rows(law, table, held_out=held_out, bootstrap=refits, stretch=False)
        row = {"table": f"mpl_curves {size}M", "law": law, "decades": None, **scored(found)}
        yield row | {"inside_unstretched": round(raw.coverage, 4)}


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
        if decades(table) < FEWEST_DECADES:
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
    for row in along(fast):
        kept.append(row)
        print(row, flush=True)
    return kept


def planted(rows, noise, seed):
    """A table of runs of Hoffmann's law over two decades of size and one and a half of ratio."""
    rng, law = np.random.default_rng([rows, seed]), law_of("chinchilla")
    params = 10 ** rng.uniform(7.3, 9.3, rows)
    tokens = params * 10 ** rng.uniform(0.5, 2, rows)
    table = {"params": params, "tokens": tokens}
    return {**table, "loss": law(table, **PLANTED) * np.exp(rng.normal(0, noise, rows))}


def runs(fast):
    """How sure the loss at ten times the compute is, by the number of runs and their noise."""
    kept, law, tries = [], law_of("chinchilla"), 3 if fast else 30
    for noise, rows in product((0.002, 0.005, 0.02), (6, 8, 12, 20, 40, 80)):
        width, away, inside = [], [], []
        for seed in range(tries):
            table = planted(rows, noise, seed)
            flops = 10 * float(compute_of(table).max())
            best = np.sqrt(flops / 120)
            asked = {"params": np.array([best]), "tokens": np.array([20 * best])}
            said = fit("chinchilla", table, bootstrap=200).predict(asked)
            truth = law(asked, **PLANTED)[0]
            width.append(np.log(said.high[0] / said.low[0]) / 2)
            away.append(abs(np.log(said.value[0] / truth)))
            inside.append(said.low[0] <= truth <= said.high[0])
        row = {"runs": rows, "noise": noise, "half_width": float(np.median(width)),
               "error": float(np.median(away)), "inside": float(np.mean(inside))}  # fmt: skip
        kept.append({k: round(v, 5) for k, v in row.items()} | {"tables": tries})
        print(kept[-1], flush=True)
    return kept


def main():
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("speed", "real", "runs"))
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    kept = json.loads(given.out.read_text()) if given.out.is_file() else {}
    for name, part in (("speed", speed), ("real", real), ("runs", runs)):
        if given.only in (None, name):
            kept[name] = part(given.fast)
    kept |= {"format": FORMAT, "about": about()}
    given.out.write_text(json.dumps(kept, indent=1) + "\n")
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
