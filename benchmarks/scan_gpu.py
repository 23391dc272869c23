"""What the scan costs on a GPU beside bare products and other libraries: `results/scan_gpu.json`.

    python -m benchmarks.scan_gpu                     # everything that a card needs, an hour or so
    python -m benchmarks.scan_gpu --only heads        # or trained, or end-to-end
    python -m benchmarks.scan_gpu --model FOLDER --text FILE --only trained
    python -m benchmarks.scan_gpu --toy --out /tmp/toy.json     # tiny sizes on a processor

Every head is measured in one process: first a gate (loss and gradients against float64), then
memory, then all methods one after the other, round after round, by CUDA events. What is not
installed, is refused or does not fit is left out with its reason. A figure of ours whose gate is
red is not taken. Other libraries are optional:

    pip install "liger-kernel[cutedsl]" quack-kernels peft
    pip install "cut-cross-entropy @ git+https://github.com/apple/ml-cross-entropy.git"
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks import gpu_end_to_end as steps
from benchmarks.gpu_cases import PUBLIC, SHAPES, TOYS
from benchmarks.gpu_machine import about
from benchmarks.gpu_methods import METHODS
from benchmarks.gradient_file import ROOT
from scripts.documentation import gpu as tables

RESULT = ROOT / "benchmarks" / "results" / "scan_gpu.json"
PARTS = ("heads", "trained", "end-to-end")
ROUNDS, TOY_ROUNDS, SECONDS = 20, 2, 3600


def child(module, job):
    """Run a module in a process of its own.

    Args:
        module: below `benchmarks`.
        job: what it is given, as JSON.

    Returns:
        What it left, or None; what ran last; how it ended.
    """
    environment = {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True", **os.environ}
    if job["device"] == "cpu":
        environment |= {"TRITON_INTERPRET": "1"}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        command = [
            sys.executable,
            "-m",
            f"benchmarks.{module}",
            json.dumps(job | {"out": str(out)}),
        ]
        try:
            done = subprocess.run(command, check=False, cwd=ROOT, env=environment, timeout=SECONDS)
            ended = f"the process ended with {done.returncode}"
        except subprocess.TimeoutExpired:
            ended = f"stopped after {SECONDS} s"
        trying = out.with_suffix(".trying")
        last = trying.read_text(encoding="utf-8") if trying.is_file() else ""
        found = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else None
    return found, last, ended


def head(case, job):
    """One head; again without a method that took the process or the device with it.

    Args:
        case: its name, or `trained`.
        job: what all heads are given.

    Returns:
        What was found, or why nothing was.
    """
    without = {}
    while True:
        print(case, flush=True)
        found, last, ended = child("gpu_head", job | {"case": case, "without": without})
        if found and "broken" not in found:
            return found
        why = found["broken"] if found else ended
        if last not in job["methods"] or last in without:
            return {"failed": f"{why}, at {last or 'the beginning'}"}
        print(f"  {last}: {why}; once more without it", flush=True)
        without = without | {last: why}


def steps_of(given, device):
    """Every training step, each in a process of its own, longer and longer until memory is out.

    Args:
        given: what the command line says.
        device: where.

    Returns:
        The model and its points.
    """
    layers = given.layers or (1 if given.toy else steps.LAYERS)
    lengths = given.lengths or ([32, 64] if given.toy else steps.LENGTHS)
    points = []
    for objective in given.objectives:
        for method, takes in steps.METHODS.items():
            for length in lengths if objective in takes else ():
                job = {"method": method, "objective": objective, "length": length}
                more = {"layers": layers, "toy": given.toy, "device": device}
                found, _, ended = child("gpu_end_to_end", job | more)
                points.append(job | (found or {"why": ended}))
                print(f"{objective}, {method}, {length}: {found or ended}", flush=True)
                if "why" in points[-1]:
                    break
    size = steps.TOY if given.toy else steps.LLAMA
    return {"model": {**size, "layers": layers}, "rank": steps.RANK, "points": points}


def rounded(found):
    """Four digits of every number, and words for what is no number."""
    if isinstance(found, dict):
        return {name: rounded(value) for name, value in found.items()}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    if isinstance(found, float):
        return float(f"{found:.4g}") if abs(found) < float("inf") else "not a number"
    return found


def arguments(given=None):
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--cases", nargs="+", choices=[*SHAPES, *TOYS])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--model", type=Path, help="folder of a causal language model")
    parser.add_argument("--text", type=Path, help="what that model reads")
    parser.add_argument("--objectives", nargs="+", choices=steps.OBJECTIVES)
    parser.add_argument("--layers", type=int, help=f"of the model end to end, {steps.LAYERS}")
    parser.add_argument("--lengths", nargs="+", type=int, help="tokens in a step end to end")
    parser.add_argument("--toy", action="store_true", help="tiny, on a processor")
    parser.add_argument("--out", type=Path, help=f"another file than {RESULT.name}")
    found = parser.parse_args(given)
    found.objectives = found.objectives or list(steps.OBJECTIVES)
    found.cases = found.cases or list(TOYS if found.toy else SHAPES)
    found.rounds = found.rounds or (TOY_ROUNDS if found.toy else ROUNDS)
    if bool(found.model) != bool(found.text):
        parser.error("--model and --text go together")
    if found.toy and (not found.out or RESULT.parent in found.out.resolve().parents):
        parser.error(f"--toy needs --out, outside of {RESULT.parent.name}/")
    if not found.toy and not torch.cuda.is_available():
        parser.error("no CUDA device is here; --toy --out FILE tries the script on a processor")
    for name in ("model", "text", "out"):
        path = getattr(found, name)
        setattr(found, name, path and path.resolve())
    return found


def main():
    """Measure, write after every part, print; what was not measured this time stays as it was."""
    given = arguments()
    device = "cpu" if given.toy else "cuda"
    out = given.out or RESULT
    found = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
    told = about(torch.device(device))
    if found and (card_of(found), found["toy"]) != (card_of(told), given.toy):
        raise SystemExit(f"{out.name} is of {card_of(found)}: choose another --out.")
    found |= {"format": 1, "toy": given.toy, **told, "rounds": given.rounds, "public": PUBLIC}
    found["methods"] = {name: method.says for name, method in METHODS.items()}
    taken = {name: told[name] for name in ("commit", "changed", "date")}
    job = {"device": device, "methods": given.methods, "rounds": given.rounds, "toy": given.toy}
    job |= {"model": str(given.model or ""), "text": str(given.text or "")}
    for case in given.cases if "heads" in given.only else ():
        found.setdefault("heads", {})[case] = head(case, job) | taken
        write(out, found)
    if "trained" in given.only:
        name = given.model.name if given.model else "trained on the spot"
        found.setdefault("trained", {})[name] = head("trained", job) | taken
        write(out, found)
    if "end-to-end" in given.only:
        found["end_to_end"] = steps_of(given, device) | taken
        write(out, found)
    print(f"\n{tables.heads(found)}\n\n{tables.steps(found)}\n\nWritten to {out}")
    red = [case for case, one in tables.every_head(found) if one.get("refused") or "failed" in one]
    if red:
        raise SystemExit(f"Refused or failed: {', '.join(red)}. See above.")


def card_of(found):
    """The name of the card, or `a processor`."""
    return (found["machine"]["card"] or {"name": "a processor"})["name"]


def write(out, found):
    """The file, after every part."""
    out.write_text(json.dumps(rounded(found), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
