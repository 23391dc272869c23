"""One head of `benchmarks/scan_gpu.py`, in a process of its own: the gate, then time and memory."""

import json
import sys
from pathlib import Path

import torch

from benchmarks import gpu_gate as gate
from benchmarks.gpu_cases import LOSSES, SHAPES, TOYS, drawn
from benchmarks.gpu_clock import Clock, ratio, rounds, summary
from benchmarks.gpu_methods import METHODS, TRAINED
from benchmarks.gpu_rivals import Refused
from benchmarks.gpu_trained import trained
from likely.core.head import Head
from likely.vocab.scan import scan

WARM_UP = 2
RATIOS = {
    "train": (
        ("exact", "four products"),
        ("exact", "three products"),
        ("filtered", "exact"),
        ("entropy", "exact"),
        ("five", "exact"),
        ("exact", "dense"),
        ("exact", "cce_exact"),
        ("filtered", "cce"),
        ("exact", "liger"),
        ("exact", "quack"),
        ("exact", "liger_scaled"),
        ("liger_scaled_entropy", "liger_scaled"),
    ),
    "forward": (("exact", "one product"), ("entropy", "exact"), ("five", "exact")),
}


class Broken(Exception):
    """The device answers no more; the method that ran is to blame."""


def measure(case, names, count, tell=lambda name: None, without=None):
    """Gate, memory and time of the methods of one case.

    Args:
        case: what they are given.
        names: of `METHODS`.
        count: rounds.
        tell: hears the name of the method that runs first of all times.
        without: methods that are not tried, with the reason.

    Returns:
        What is written to the file for it.

    Raises:
        Broken: the device answers no more.
    """
    skipped = {name: why for name, why in (without or {}).items() if name in names}
    chosen = [name for name in names if name not in skipped]
    clock, picked = Clock(case.hidden.device), gate.Picked.of(case)
    losses = [loss for loss in LOSSES if any(METHODS[n].loss == loss for n in chosen)]
    right = gate.pieces(case, losses, picked, torch.float64)
    bars = {
        loss: gate.errors(found, right[loss])
        for loss, found in gate.pieces(case, losses, picked, case.hidden.dtype).items()
    }
    found = {"shape": vars(case.shape), "errors": {}, "red": [], "mebibytes": {}}
    red = found["red"]
    for name in chosen:
        tell(name)
        method = METHODS[name]
        why = tried(lambda name=name: _first(case, name, picked, right, clock, found))
        if why:
            skipped[name] = why
        if why or method.products:
            continue
        green = gate.is_green(found["errors"][name], bars[method.loss], method.filtered)
        if not green:
            red.append(name)
    refused = [name for name in red if METHODS[name].ours]
    timed = [name for name in chosen if name not in skipped and name not in refused]
    for name in refused:
        found["mebibytes"].pop(name, None)
    found |= {"bars": bars, "skipped": skipped, "refused": refused, "ran": dict(case.ran)}
    return found | _times(case, timed, count, clock, tell, skipped)


def _first(case, name, picked, right, clock, found):
    """The first call of a method: its errors and its memory."""
    method = METHODS[name]
    if method.products:
        leaves = case.leaves(False)
        method.call(case, *leaves)
        clock.wait()
        return
    hidden, weight = case.leaves(True)
    loss = method.call(case, hidden, weight)
    loss.backward()
    clock.wait()
    taken = picked.taken(loss, hidden.grad, weight.grad)
    found["errors"][name] = gate.errors(taken, right[method.loss])
    del hidden, weight, loss
    found["mebibytes"][name] = clock.mebibytes(call(case, name, True), case.gradients)


def call(case, name, back):
    """A method as it is timed: forward alone or with its gradients, which are dropped.

    Args:
        case: what it is given.
        name: the method.
        back: whether gradients are taken.

    Returns:
        A function of nothing.
    """
    method = METHODS[name]

    def run():
        hidden, weight = case.leaves(back and not method.products)
        with torch.set_grad_enabled(back):
            loss = method.call(case, hidden, weight)
        if back and loss is not None:
            loss.backward()

    return run


def _times(case, timed, count, clock, tell, skipped):
    """Milliseconds of both passes, and ratios within rounds."""
    told = {}
    for part, back in (("train", True), ("forward", False)):
        runs = {}
        for name in timed:
            if part not in METHODS[name].passes:
                continue
            tell(name)
            run = call(case, name, back)
            why = tried(lambda run=run: _warmed(run, clock))
            if why:
                skipped[f"{name}, {part}"] = why
            else:
                runs[name] = run
        tell(f"the rounds, {part}")
        seen, emptied = rounds(clock, runs, count)
        told[part] = {name: summary(row) for name, row in seen.items()}
        told[f"{part}_ratios"] = {
            f"{a} / {b}": ratio(seen, a, b) for a, b in RATIOS[part] if {a, b} <= set(seen)
        }
        if emptied:
            told[f"{part}_emptied"] = emptied
    return told | {"teraflops": _rates(case, told)}


def _warmed(run, clock):
    for _ in range(WARM_UP):
        run()
    clock.wait()


def tried(run):
    """Run something once; why it did not run, or nothing.

    Args:
        run: a function of nothing.

    Returns:
        One line; empty where it ran.

    Raises:
        Broken: the device answers no more.
    """
    why = ""
    try:
        run()
    except Exception as problem:
        why = reason(problem)
    if why and torch.cuda.is_available():  # Only now nothing of the call is alive.
        torch.cuda.empty_cache()
    return why


def _rates(case, told):
    """Of the bare products, at their median."""
    one = 2 * case.shape.tokens * case.shape.width * case.shape.words
    return {
        name: METHODS[name].products * one / (median / 1e3) / 1e12
        for part in ("train", "forward")
        for name, (median, *_) in told[part].items()
        if METHODS[name].products
    }


def reason(problem):
    """Why a method did not run, in one line; raises where the device is lost."""
    if isinstance(problem, Refused):
        return str(problem)
    said = f"{type(problem).__name__}: {(str(problem).strip().splitlines() or [''])[0]}"
    named = "out of memory" in said.lower() or "ALLOC_FAILED" in said
    memory = named or isinstance(problem, torch.OutOfMemoryError)
    if isinstance(problem, ImportError):
        return f"not installed ({problem})"[:200]
    if torch.cuda.is_available() and not memory:
        try:
            torch.cuda.synchronize()
        except RuntimeError as lost:
            raise Broken(said[:200]) from lost
    return "out of memory" if memory else said[:200]


def backend_of(device):
    """What our scan is asked for: Triton on a card; else where its kernels can be interpreted.

    Args:
        device: where.

    Returns:
        The backend, and a sentence where it is not `triton`.
    """
    if device.type == "cuda":  # What a method of ours ran on, it says itself.
        return "triton", ""
    hidden = torch.zeros(16, 16, device=device, dtype=torch.bfloat16)
    target = torch.zeros(16, dtype=torch.long, device=device)
    try:
        stats = scan(hidden, Head(hidden), target, {"log_prob"}, backend="triton")
    except Exception as problem:
        return "chunked", f"triton does not run here: {type(problem).__name__}"
    if stats.backend == "triton":
        return "triton", ""
    return "chunked", f"the triton backend hands over to {stats.backend} here"


def main():
    """Measure one case, given as JSON, and leave the result in a file."""
    job = json.loads(sys.argv[1])
    out, device = Path(job["out"]), torch.device(job["device"])
    backend, why = backend_of(device)
    if why:
        print(f"  our scan runs on {backend}: {why}", flush=True)
    what = None
    if job["case"] == "trained":
        case, what = trained(job, device)
        names = [name for name in TRAINED if name in job["methods"]]
    else:
        case, names = drawn((SHAPES | TOYS)[job["case"]], device), job["methods"]
    case.backend = backend

    def tell(name):
        out.with_suffix(".trying").write_text(name, encoding="utf-8")
        print(f"  {name}", flush=True)

    try:
        found = measure(case, names, job["rounds"], tell, job["without"])
    except Broken as lost:
        out.write_text(json.dumps({"broken": str(lost)}), encoding="utf-8")
        return
    if what:
        found["what"] = what
    out.write_text(json.dumps(found | {"backend": backend, "why": why}), encoding="utf-8")


if __name__ == "__main__":
    main()
