"""Four gloo processes, groups of two, three and all: every case of the vocabulary in parts.

RANK WORLD FOLDER. Every process writes what went wrong, by case; no case raises past its end, so
that all processes go on to the same next one.
"""

import datetime
import json
import sys
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Replicate, Shard

from likely.core.head import Head
from likely.core.stats import Statistic
from likely.core.top_logits import TopLogits
from likely.vocab.fused_loss import fused_loss
from likely.vocab.linear_cross_entropy import linear_cross_entropy
from likely.vocab.scan import scan
from tests.oracle import (
    DISCRETE,
    agree,
    dense_logits,
    discrete_agree,
    floats,
    gradient,
    offset,
    smooth_parts,
    twin,
    wishes,
)
from tests.strategies import make_problem

CASES = {}
"""Name → (how many processes, function of (group, mesh))."""


def case(size, *names):
    def keep(function):
        for name in names or (function.__name__,):
            CASES[name] = (size, function)
        return function

    return keep


class Complaints:
    """What went wrong, without stopping."""

    def __init__(self):
        self.said = []

    @contextmanager
    def here(self, what=""):
        try:
            yield
        except Exception as problem:
            self.said.append(f"{what} {type(problem).__name__}: {problem}".strip())

    def refused(self, kind, match, call):
        try:
            call()
        except Exception as problem:
            if type(problem).__name__ != kind or match not in str(problem):
                self.said.append(f"{type(problem).__name__} in place of {kind}: {problem}")
            return
        self.said.append(f"no {kind} about {match!r}")


def even(words, processes):
    """Parts as a DTensor has them: some of the last may be short or empty."""
    share = -(-words // processes)
    stops = [min(share * (r + 1), words) for r in range(processes)]
    return [stop - start for start, stop in zip([0, *stops], stops, strict=False)]


def cut(tensor, sizes, rank, dim=0):
    """The own part, as a leaf."""
    part = tensor.detach().narrow(dim, sum(sizes[:rank]), sizes[rank]).clone()
    return part.requires_grad_() if tensor.is_floating_point() else part


def fresh(value):
    """A leaf of its own where the original is one."""
    wants = isinstance(value, torch.Tensor) and value.requires_grad
    return value.detach().clone().requires_grad_() if wants else value


@dataclass(eq=False)
class Parts:
    """A problem of which this process has some words."""

    hidden: torch.Tensor
    head: Head
    roles: dict
    pairs: list
    """Leaves here, leaves of the whole problem, and how a whole gradient becomes one here."""


def split(problem, sizes, rank, mesh=None, teacher="whole", hidden_too=False):
    """Plain local parts, or DTensors where a mesh is given."""
    pairs, head = [], problem.head

    def alike(value):
        found = fresh(value)
        if found is not value:
            pairs.append((found, value, lambda grad: grad))
        return found

    def part(value, dim=0):
        if value is None:
            return None
        mine = cut(value, sizes, rank, dim)
        if value.requires_grad:
            pairs.append((mine, value, lambda grad: grad.narrow(dim, sum(sizes[:rank]), sizes[rank])))
        return sharded(mine, value.shape, dim) if mesh is not None else mine

    def sharded(mine, shape, dim=0):
        stride = torch.empty(shape, device="meta").stride()
        return DTensor.from_local(mine, mesh, [Shard(dim)], shape=shape, stride=stride)

    hidden = alike(problem.hidden)
    if hidden_too:
        hidden = DTensor.from_local(hidden, mesh, [Replicate()])
    here = replace(
        head,
        weight=part(head.weight, head.weight.ndim - 2),
        bias=None,
        exclude=None,
        scale=alike(head.scale),
        temperature=alike(head.temperature),
    )
    here = replace(here, bias=part(head.bias), exclude=part(head.exclude))
    roles = {}
    if problem.teacher is not None:
        states, own = problem.teacher
        if teacher == "alike":
            roles["teacher"] = (alike(states), Head(part(own.weight), exclude=part(own.exclude)))
        elif teacher == "apart":
            share = even(own.size, len(sizes))
            weight = cut(own.weight, share, rank).detach()
            gone = None if own.exclude is None else cut(own.exclude, share, rank)
            pairs.append((alike_states := fresh(states), states, lambda grad: grad))
            roles["teacher"] = (alike_states, Head(weight, exclude=gone))
        else:
            roles["teacher"] = (alike(states), Head(alike(own.weight), exclude=own.exclude))
    return Parts(hidden, here, roles, pairs)


def asked_by(problem, dtype=torch.float64):
    """Wishes for the whole and for here, with leaves of their own."""
    asked, leaves = wishes(problem, dtype=dtype)
    mine, own = wishes(problem, dtype=dtype)
    return asked, mine, [(b, a, lambda grad: grad) for a, b in zip(leaves, own, strict=True)]


def prove(problem, group, sizes, every=1, first=0, tolerance=1e-9, dtype=torch.float64, **more):
    """Values and gradients of all statistics against float64 on dense logits."""
    complaints, rank = Complaints(), dist.get_rank(group)
    how = {k: more.pop(k) for k in ("mesh", "teacher", "hidden_too") if k in more}
    asked, mine, pairs = asked_by(problem)
    parts = split(problem, sizes, rank, **how)
    pairs = [*parts.pairs, *pairs]
    z, t = dense_logits(problem)
    far, y = offset(z, t), problem.batch.target
    got = scan(parts.hidden, parts.head, y, mine, roles=parts.roles, group=group, **more)
    want = {key: twin(wish, z, y, t) for key, wish in asked.items()}
    for key, wish in asked.items():
        with complaints.here(key):
            if wish.name in DISCRETE:
                discrete_agree(wish, got[key], want[key], z)
            else:
                agree(floats(got[key]).detach(), floats(want[key]).detach(), far, tolerance, key)
    here, there = [p[0] for p in pairs], [p[1] for p in pairs]
    reach = max([1.0, *(float(leaf.detach().abs().max()) for leaf in there if leaf.numel())])
    both = zip(smooth_parts(asked, got, z), smooth_parts(asked, want, z), strict=True)
    for (key, ours, mix), (_, theirs, _) in list(both)[first % every :: every]:
        found, exact = gradient(ours, mix, here), gradient(theirs, mix, there)
        for (leaf, whole, part), a, b in zip(pairs, found, exact, strict=True):
            b = part(torch.zeros_like(whole) if b is None else b)
            with complaints.here():
                scale = (1 + far) * reach * (1 + float(b.norm()))
                agree(a, b, scale, tolerance, f"{key} to {list(leaf.shape)}")
    return complaints.said, got


def problem_of(number, n, v, d, **more):
    chosen = {"kind": "normal", "scale": 1.0, "softcap": None, "temperature": 1.0, "bias": False,
              "exclude": False, "teacher": "same", **more}  # fmt: skip
    kind, scale, softcap, temperature, bias, exclude = (
        chosen.pop(k) for k in ("kind", "scale", "softcap", "temperature", "bias", "exclude")
    )
    return make_problem(
        n, v, d, kind, scale, softcap, temperature, bias, exclude, 7, number, **chosen
    )


UNEVEN = {2: (7, 16), 3: (11, 0, 12), 4: (1, 9, 2, 11)}
OPTIONS = {
    "plain": {},
    "bias and row temperature": {
        "bias": True, "temperature": 0.7, "temperature_form": "row", "scale_form": "whole",
    },
    "softcap and exclusion": {"softcap": 5.0, "exclude": True, "scale": 0.5, "scale_form": "row"},
    "harmonic": {"score": "harmonic", "bias": True, "temperature_form": "whole"},
    "tables": {"score": "tables", "exclude": True, "bias": True},
    "larger teacher": {"teacher": "larger", "kind": "peaked"},
    "smaller teacher": {"teacher": "smaller", "kind": "tied"},
    "high": {"kind": "high", "teacher": "smaller"},
    "low": {"kind": "low", "teacher": "smaller"},
    "wide": {"kind": "wide"},
}  # fmt: skip


def options(name, size, number):
    """Every option on groups of one size, with plain parts of uneven sizes."""

    def run(group, mesh):
        problem = problem_of(number, 5, 23, 3, **OPTIONS[name])
        way = {"schedule": "rows" if number % 2 else "auto", "block": 20}
        return prove(problem, group, UNEVEN[size], every=4, first=number, **way)[0]

    case(size, f"{name} on {size}")(run)


for _number, _name in enumerate(OPTIONS):
    options(_name, (3, 4, 2)[_number % 3], _number)
    options(_name, (4, 2, 3)[_number % 3], _number + 1)


@case(3, "all gradients on 3")
def all_gradients(group, mesh):
    return prove(problem_of(3, 4, 23, 3, bias=True, exclude=True), group, UNEVEN[3])[0]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    from tests.contracts.sharded_run import main

    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
