"""Whose gradients are right: every option of ours on every library that takes it.

python -m benchmarks.gradients                 run what is installed, write results/gradients.json
python -m benchmarks.gradients --only trl      run some again, keep the rest of the file

One rule for all, ours too: the error against float64 autograd on materialised logits may not be
larger than that of dense torch at the same dtype plus an allowance. See docs/gradients.md.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings

import torch

from benchmarks.gradient_cells import OPTIONS, draw
from benchmarks.gradient_file import ROOT, about, plain, read, show, write
from benchmarks.gradient_rule import ALLOWED, distance, judge, total, truth, worst

SECONDS = 1500


def cell(call, name, dtype):
    """Run one cell.

    Args:
        call: problem → loss, or (loss, what backward starts from).
        name: the option.
        dtype: its name.

    Returns:
        Errors of value and gradients, or the library's own words.
    """
    problem = draw(name, getattr(torch, dtype))
    right = truth(problem)
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            made = call(problem)
            value, start = made if isinstance(made, tuple) else (made, total(problem, made))
            if isinstance(made, tuple):
                start = start * problem.option.upstream
            start.backward()
    except Exception as error:
        return {"words": words(error)}
    found = {"value": value.detach(), **{k: v.grad for k, v in problem.leaves.items()}}
    row = {"errors": {k: distance(found[k], right[k]) for k in right}}
    row["nats"] = distance(found["value"], right["value"], scaled=False)
    if problem.option.offset:
        offset = abs(problem.option.offset)
        row["condition"] = {k: 1 + offset / float(v.norm()) for k, v in right.items()}
    missing = [k for k in right if found[k] is None]
    said = [str(w.message).splitlines()[0][:200] for w in heard if w.category is UserWarning]
    row |= {"missing": missing} if missing else {}
    return row | ({"warned": said[0]} if said else {})


def words(error):
    """The first line of what a library says, without places on this machine."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}".replace(str(ROOT), "")[:200]


def child(name):
    """Run every cell of one rival in this process, one JSON line each."""
    from benchmarks.gradient_rivals import RIVALS

    torch.set_num_threads(1)
    for option, details in OPTIONS.items():
        for dtype in details.dtypes:
            row = cell(RIVALS[name].call, option, dtype)
            torch._dynamo.reset()
            print(json.dumps([option, dtype, row]), flush=True)


def run(name, rival):
    """Every cell of one rival, in a process of its own.

    Args:
        name: its name in `RIVALS`.
        rival: how it is run.

    Returns:
        Option → dtype → what came; a process that ended early leaves cells that were not run.
    """
    ended = "not run: the process ended"
    cells = {o: {d: {"words": ended} for d in OPTIONS[o].dtypes} for o in OPTIONS}
    environment = {**os.environ, **dict(rival.environment)}
    command = [sys.executable, "-m", "benchmarks.gradients", "--child", name]
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=environment,
            cwd=ROOT,
        )
        lines, failure = done.stdout, done.stderr
    except subprocess.TimeoutExpired as stopped:
        lines, failure = (stopped.stdout or b"").decode(), f"stopped after {SECONDS} s"
    for line in lines.splitlines():
        if line.startswith("["):
            option, dtype, row = json.loads(line)
            cells[option][dtype] = row
    print(
        f"{name}: {time.perf_counter() - begin:.0f} s",
        failure[-300:] if ended in str(cells) else "",
    )
    return cells


def judged(cells):
    """Verdicts put into the cells of every rival."""
    for rival in cells.values():
        for option, row in rival.items():
            dense = cells["dense"][option]
            single = dense.get("float32", {}).get("errors")
            for dtype, one in row.items():
                bar = dense[dtype].get("errors", {})
                one["verdict"] = judge(one, bar, dtype, single)
                if one["verdict"] == "wrong":
                    one["worst"] = worst(one, bar, dtype)
    return cells


def main():
    """Run, judge, write, print."""
    from benchmarks.gradient_rivals import RIVALS

    parser = argparse.ArgumentParser()
    parser.add_argument("--child", choices=RIVALS)
    parser.add_argument("--only", nargs="*", choices=RIVALS, default=[])
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child)
        return
    stands = read()
    again = {"dense", *chosen.only} if chosen.only else set(RIVALS)
    fresh = {name: run(name, rival) for name, rival in RIVALS.items() if name in again}
    cells = stands["cells"] | fresh if chosen.only else fresh
    told, old = about(), stands.get("rivals", {})
    result = {
        "format": 1,
        **told,
        "rule": {"allowance": ALLOWED, "condition": "1 + |offset| / norm of the gradient"},
        "options": {name: option.said for name, option in OPTIONS.items()},
        "rivals": {
            name: {
                "library": rival.library,
                "package": rival.package,
                "mode": rival.mode,
                "exact": rival.exact,
                "commit": told["commit"] if name in fresh else old[name]["commit"],
            }
            for name, rival in RIVALS.items()
            if name in cells
        },
        "cells": plain(judged(plain({name: cells[name] for name in RIVALS if name in cells}))),
    }
    write(result)
    show(result)


if __name__ == "__main__":
    main()
