"""Four gloo processes, groups of two, three and all: every case of the vocabulary in parts.

RANK WORLD FOLDER. Every process writes what went wrong, by case; no case raises past its end, so
that all processes go on to the same next one.
"""

import sys
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
            pairs.append(
                (mine, value, lambda grad: grad.narrow(dim, sum(sizes[:rank]), sizes[rank]))
            )
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
                agree(a, b, (1 + far) * reach, tolerance, f"{key} to {list(leaf.shape)}")
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


@case(4, "DTensors on 4")
def dtensors(group, mesh):
    problem = problem_of(5, 4, 21, 3, bias=True, exclude=True, softcap=5.0, temperature_form="row")
    return prove(problem, group, even(21, 4), every=3, mesh=mesh, hidden_too=True)[0]


@case(3, "a second reader in parts alike")
def alike(group, mesh):
    said = []
    for number, teacher in enumerate(("same", "larger", "smaller")):
        problem = problem_of(number, 4, 12, 3, teacher=teacher)
        if teacher == "same":
            said += prove(problem, group, (2, 0, 10), every=2, teacher="alike")[0]
        size = problem.teacher[1].size
        problem.teacher[1].weight.requires_grad_(False)
        said += prove(problem, group, even(12, 3), every=5, first=number, teacher="apart")[0]
        said += [] if size else ["no teacher"]
    return said


@case(2, "a second reader as DTensors, cut and padded")
def reader_of_dtensors(group, mesh):
    said, rank = Complaints(), dist.get_rank(group)
    for teacher in ("larger", "smaller"):
        problem = problem_of(6, 4, 12, 3, teacher=teacher)
        states, own = problem.teacher
        other = cut(own.weight, even(own.size, 2), rank)
        sharded = DTensor.from_local(other.detach(), mesh, [Shard(0)], shape=own.weight.shape,
                                     stride=own.weight.stride())  # fmt: skip
        parts = split(replace(problem, teacher=None), (6, 6), rank, mesh)
        roles = {"teacher": (states, Head(sharded, exclude=None))}
        want = {"forward_kl", "teacher_entropy", "jsd"}
        got = scan(parts.hidden, parts.head, problem.batch.target, want, roles=roles, group=mesh)
        z, t = problem.head.logits(problem.hidden), own.logits(states).detach()
        t = torch.nn.functional.pad(t[:, :12], (0, max(0, 12 - own.size)), value=-torch.inf)
        for name in ("forward_kl", "jsd"):
            with said.here(f"{teacher} {name}"):
                agree(got[name].detach(), twin(Statistic(name), z, None, t).detach(), 10.0)
        with said.here(teacher):
            whole = twin(Statistic("entropy"), own.logits(states), None)
            agree(got["teacher_entropy"], whole.detach(), 1.0)
            assert not got["teacher_entropy"].requires_grad
    return said.said


@case(4, "few words")
def few_words(group, mesh):
    said = []
    for number, (words, sizes) in enumerate(
        ((1, (0, 0, 1, 0)), (2, (1, 0, 0, 1)), (3, (1, 1, 1, 0)))
    ):
        problem = problem_of(number, 3, words, 2, bias=True)
        said += prove(problem, group, sizes, every=2, first=number)[0]
    problem = problem_of(9, 3, 5, 2, score="harmonic")
    said += prove(problem, group, even(5, 4), every=3, mesh=mesh)[0]
    problem = problem_of(9, 3, 5, 2, score="tables")
    return said + prove(problem, group, even(5, 4), every=3, mesh=mesh)[0]


@case(2, "one process with all words")
def all_words_on_one(group, mesh):
    return prove(problem_of(4, 3, 9, 2, bias=True), group, (9, 0), every=4)[0]


@case(3, "no tokens")
def no_tokens(group, mesh):
    said, rank = Complaints(), dist.get_rank(group)
    problem = problem_of(2, 2, 9, 2)
    asked, _ = wishes(problem)
    none = torch.zeros(0, dtype=torch.int64)
    asked = {key: wish.at(none) for key, wish in asked.items()}
    parts = split(problem, (4, 3, 2), rank)
    states, other = parts.roles["teacher"]
    found = scan(parts.hidden[none], parts.head, none, asked,
                 roles={"teacher": (states[none], other)}, group=group)  # fmt: skip
    for key in asked:
        with said.here(key):
            assert len(floats(found[key])) == (9 if key == "column_sums" else 0)
    total = sum(floats(v).sum() for v in found.values() if floats(v).requires_grad)
    grad = torch.autograd.grad(total, parts.head.weight)[0]
    said.said += [] if float(grad.abs().sum()) == 0 else ["a gradient of nothing"]
    return said.said


def narrow(problem, dtype):
    """The same numbers, all of them exact in a narrower dtype."""

    def cast(value):
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            return value.detach().to(dtype).requires_grad_(value.requires_grad)
        return value

    def cast_head(head):
        fields = ("weight", "bias", "scale", "temperature")
        return replace(head, **{k: cast(getattr(head, k)) for k in fields})

    teacher = problem.teacher and (cast(problem.teacher[0]), cast_head(problem.teacher[1]))
    return replace(
        problem, hidden=cast(problem.hidden), head=cast_head(problem.head), teacher=teacher
    )


def double(wish):
    """A wish whose tensors are float64."""

    def cast(values):
        floating = lambda v: isinstance(v, torch.Tensor) and v.is_floating_point()  # noqa: E731
        return {k: v.double() if floating(v) else v for k, v in values.items()}

    return Statistic(wish.name, cast(wish.rows), cast(wish.settings))


@case(4, "float32")
def single(group, mesh):
    """As near to float64 as the same on one process, but for a few units of the last place."""
    said, rank = Complaints(), dist.get_rank(group)
    wide = problem_of(8, 6, 40, 4, bias=True, teacher="smaller", kind="high")
    exact = narrow(narrow(wide, torch.float32), torch.float64)
    problem = narrow(wide, torch.float32)
    asked, _ = wishes(problem, dtype=torch.float32)
    parts = split(problem, (9, 0, 20, 11), rank)
    y = problem.batch.target
    got = scan(parts.hidden, parts.head, y, asked, roles=parts.roles, group=group)
    one = scan(problem.hidden, problem.head, y, asked, roles={"teacher": problem.teacher},
               backend="chunked", block=60)  # fmt: skip
    z, t = dense_logits(exact)
    for key, wish in asked.items():
        want = floats(twin(double(wish), z, y, t)).detach().double()
        with said.here(key):
            ours, theirs = floats(got[key]).detach(), floats(one[key]).detach()
            if wish.name in DISCRETE:
                assert (ours != theirs).sum() <= 1
                continue
            assert ours.dtype == torch.float32
            there = want.isfinite()
            errors = [float((v.double() - want)[there].norm()) for v in (ours, theirs)]
            far = 1e-6 * (float(want[there].norm()) + 1)
            assert errors[0] <= 2 * errors[1] + far, errors
    return said.said


@case(2, "bfloat16")
def sixteen_bits(group, mesh):
    said, rank = Complaints(), dist.get_rank(group)
    problem = narrow(problem_of(8, 16, 30, 8, teacher=""), torch.bfloat16)
    exact = narrow(problem, torch.float64)
    z = exact.head.logits(exact.hidden)
    parts = split(problem, (13, 17), rank)
    y = problem.batch.target
    loss = scan(parts.hidden, parts.head, y, {"log_prob"}, group=group)["log_prob"]
    want = twin(Statistic("log_prob"), z, y)
    grads = torch.autograd.grad(loss.mean(), [parts.hidden, parts.head.weight])
    whole = torch.autograd.grad(want.mean(), [exact.hidden, exact.head.weight])
    mine = whole[1].narrow(0, 13 * rank, 13 if rank == 0 else 17)
    with said.here():
        assert loss.dtype == torch.float32
        agree(loss.detach(), want.detach(), 0.0, 1e-2)
        assert {g.dtype for g in grads} == {torch.bfloat16}
        agree(grads[0], whole[0], 0.0, 2e-2)
        agree(grads[1], mine, 0.0, 2e-2)
    return said.said


@case(4, "words that only one reader has")
def only_one_has(group, mesh):
    """A word that the teacher lacks, raised by a negative power: as on one process."""
    said, rank = Complaints(), dist.get_rank(group)
    problem = narrow(problem_of(8, 5, 20, 4, kind="high"), torch.float32)
    states, own = problem.teacher
    shorter = Head(own.weight.detach()[:14], torch.full((14,), 300.0))
    want = {
        "chi": Statistic("mixture_lse", settings={"a": 2.0, "b": -1.0}),
        "product": Statistic("mixture_lse", settings={"a": 1.0, "b": 1.0}),
        "reverse_kl": Statistic("reverse_kl"),
    }
    parts = split(replace(problem, teacher=None), (9, 0, 5, 6), rank)
    roles, y = {"teacher": (states, shorter)}, problem.batch.target
    got = scan(parts.hidden, parts.head, y, want, roles=roles, group=group)
    one = scan(problem.hidden, problem.head, y, want, roles=roles, backend="chunked", block=20)
    for key in want:
        with said.here(key):
            assert got[key].isfinite().all()
            # Such a word counts 10⁶ nats about the shift of its own block, wherever that lies.
            torch.testing.assert_close(got[key], one[key], rtol=1e-5, atol=1e-2)
    return said.said


@case(3, "stored logits")
def stored(group, mesh):
    said, rank = Complaints(), dist.get_rank(group)
    problem = problem_of(7, 5, 19, 3, teacher="", bias=True)
    g = torch.Generator().manual_seed(9)
    ids = torch.stack([torch.randperm(19, generator=g)[:4] for _ in range(5)])
    logits = torch.randn(5, 4, dtype=torch.float64, generator=g)
    t = torch.full((5, 19), -torch.inf, dtype=torch.float64).scatter(1, ids, logits)
    names = ("forward_kl", "cross_entropy_to_teacher", "jsd", "skew_kl", "total_variation",
             "top_k_kl", "mixture_lse")  # fmt: skip
    parts = split(problem, (8, 3, 8), rank)
    y, z = problem.batch.target, problem.head.logits(problem.hidden)
    roles = {"teacher": TopLogits(ids, logits)}
    got = scan(parts.hidden, parts.head, y, {*names, "teacher_entropy"}, roles=roles, group=group)
    for name in names:
        want = twin(Statistic(name), z, y, t)
        with said.here(name):
            agree(got[name].detach(), want.detach(), 10.0)
        here = torch.autograd.grad(got[name].sum(), parts.hidden, retain_graph=True)[0]
        with said.here(name):
            whole = torch.autograd.grad(want.sum(), problem.hidden, retain_graph=True)[0]
            agree(here, whole, 10.0, what="gradient")
    with said.here():
        agree(got["teacher_entropy"], twin(Statistic("entropy"), t, y), 1.0)
    return said.said


@case(2, "a second reader alone")
def alone(group, mesh):
    said, rank = Complaints(), dist.get_rank(group)
    problem = problem_of(1, 5, 11, 3, teacher="larger")
    states, own = problem.teacher
    want = {"log_prob", "teacher_entropy", "teacher_rank", "teacher_top"}
    y = problem.batch.target
    for how in ("whole", "alike"):
        parts = split(replace(problem, teacher=None), (5, 6), rank)
        share = (7, 7)
        head = own if how == "whole" else Head(cut(own.weight, share, rank))
        got = scan(parts.hidden, parts.head, y, want, roles={"teacher": (states, head)},
                   group=group)  # fmt: skip
        exact = scan(states, own, y, {"entropy", "rank", "top"}, backend="reference")
        with said.here(how):
            agree(got["teacher_entropy"], exact["entropy"].detach(), 1.0)
            assert torch.equal(got["teacher_rank"], exact["rank"])
            assert torch.equal(got["teacher_top"][0], exact["top"][0])
            assert not got["teacher_entropy"].requires_grad
    return said.said


@case(4, "ties across processes")
def ties(group, mesh):
    said, rank = Complaints(), dist.get_rank(group)
    rows = [
        [2.0, 1.0, 2.0, 2.0, 0.0, 1.0, 2.0],
        [1e4, 1.0000001, 1.0000002, 1.0000004, 0, 0, 1.0000001],
    ]
    for dtype, rows_here in ((torch.float64, rows), (torch.float32, rows)):
        z = torch.tensor(rows_here, dtype=dtype)
        sizes = (2, 1, 0, 4)
        head = Head(cut(z.T.contiguous(), sizes, rank))
        for targets in ([2, 1], [6, 2], [1, 6], [4, 3]):
            y = torch.tensor(targets)
            want = {"rank", "argmax", "mass_above", "best_wrong_logit", "max_logit"}
            got = scan(torch.eye(2, dtype=dtype), head, y, want, group=group)
            above = z > z.gather(1, y[:, None])
            with said.here(f"{dtype} {targets}"):
                assert got["rank"].tolist() == above.sum(1).tolist()
                assert got["argmax"].tolist() == [0, 0]
                mass = torch.where(above, z.softmax(-1), 0.0).sum(-1)
                torch.testing.assert_close(got["mass_above"].detach(), mass)
    # Words that are equal, in blocks of other sizes and with a curve behind the product.
    g = torch.Generator().manual_seed(1)
    weight = torch.randn(8, 33, generator=g).repeat(6, 1)
    hidden, y = torch.randn(50, 33, generator=g), torch.randint(48, (50,), generator=g)
    sizes = (10, 13, 3, 22)
    head = Head(cut(weight, sizes, rank), softcap=3.0, temperature=0.7)
    got = scan(hidden, head, y, {"rank", "mass_above"}, group=group, block=170)
    distinct = Head(weight[:8], softcap=3.0, temperature=0.7).logits(hidden)
    exact = (distinct > distinct.gather(1, y[:, None] % 8)).sum(1)
    with said.here("equal words"):
        off = (got["rank"] // 6 != exact).sum()
        assert off == 0, off
    return said.said


@case(2, "two dimensions")
def two_dimensions(group, mesh):
    """DTensors of a mesh of two dimensions, replicated along one of them."""
    said, rank = Complaints(), dist.get_rank(group)
    grid = DeviceMesh("cpu", torch.arange(2).view(1, 2), mesh_dim_names=("data", "words"))
    problem = problem_of(1, 4, 9, 3, teacher="")
    mine = cut(problem.head.weight, (5, 4), rank)
    weight = DTensor.from_local(mine, grid, [Replicate(), Shard(0)], shape=(9, 3), stride=(3, 1))
    got = scan(problem.hidden, Head(weight), problem.batch.target, {"lse"}, group=grid["words"])
    z = problem.head.logits(problem.hidden)
    grads = torch.autograd.grad(got["lse"].sum(), [mine, problem.hidden])
    whole = torch.autograd.grad(z.logsumexp(-1).sum(), [problem.head.weight, problem.hidden])
    with said.here():
        agree(got["lse"].detach(), z.logsumexp(-1).detach(), 1.0)
        agree(grads[0], whole[0].narrow(0, 5 * rank, 5 - rank), 1.0)
        agree(grads[1], whole[1], 1.0)
    said.refused(
        "Unsupported",
        "mesh of 2 dimensions",
        lambda: scan(problem.hidden, Head(weight), problem.batch.target, {"lse"}, group=grid),
    )
    parameter = torch.nn.Parameter(weight.detach())
    value = scan(
        problem.hidden.detach(), Head(parameter), problem.batch.target, {"lse"}, group=group
    )
    value["lse"].sum().backward()
    with said.here("the gradient of a DTensor"):
        assert parameter.grad.placements == parameter.placements
        agree(parameter.grad.to_local(), grads[0], 1.0)
    return said.said


@case(3, "what travels")
def what_travels(group, mesh):
    said, rank = Complaints(), dist.get_rank(group)
    problem = problem_of(3, 5, 23, 3, bias=True)
    rows = ("column_sums", "jsd", "skew_kl", "total_variation", "two_head_sum", "row", "top_k_kl")
    asked, _ = wishes(problem)
    cheap = {k: w for k, w in asked.items() if w.name not in (*rows, "rank", "mass_above")}
    sums = {k: w for k, w in cheap.items() if w.name not in ("top", "argmax", "max_logit",
            "best_wrong_logit", "gumbel_sample", "subset_expect")}  # fmt: skip
    parts = split(problem, UNEVEN[3], rank)
    heard = []
    plain = {name: getattr(dist, name) for name in ("all_reduce", "all_gather")}

    def all_reduce(tensor, op, group):
        heard.append(str(op).rpartition(".")[2])
        return plain["all_reduce"](tensor, op, group)

    def all_gather(into, tensor, group):
        heard.append("GATHER")
        return plain["all_gather"](into, tensor, group)

    def listen(function):
        heard.clear()
        dist.all_reduce, dist.all_gather = all_reduce, all_gather
        try:
            return function()
        finally:
            dist.all_reduce, dist.all_gather = plain["all_reduce"], plain["all_gather"]

    def go(want):
        return listen(lambda: scan(parts.hidden, parts.head, problem.batch.target, want,
                                   roles=parts.roles, group=group))  # fmt: skip

    expected = (
        (sums, ["GATHER", "MAX", "SUM"], 1),
        (cheap, ["GATHER", "MAX", "SUM", "GATHER"], 1),
        ({"rank", "lse"}, ["GATHER", "MAX", "SUM", "MAX", "SUM"], 2),
        # What is wanted, the bias, for both which words are none, and both products.
        ({"jsd"}, ["GATHER"] * 6, 1),
    )
    for want, messages, sweeps in expected:
        found = go(want)
        with said.here(str(messages)):
            assert heard == messages, heard
            assert found.sweeps == sweeps, found.sweeps
            assert found.backend == "chunked, 3 shards", found.backend
    found = go(sums)
    total = sum(floats(v).sum() for v in found.values() if floats(v).requires_grad)
    listen(total.backward)
    with said.here("backward"):
        assert heard == ["SUM"], heard
    return said.said


@case(3, "a fused loss")
def fused(group, mesh):
    said, rank = Complaints(), dist.get_rank(group)
    problem = problem_of(2, 6, 23, 3, bias=True, teacher="")
    parts = split(problem, UNEVEN[3], rank)
    one, two = (torch.ones(6, dtype=torch.float64, requires_grad=True) for _ in range(2))

    def loss(stats, columns):
        return -stats["log_prob"] + stats["entropy"] ** 2, columns["w"]

    arguments = (problem.batch.target, {"log_prob", "entropy"})
    ours = fused_loss(loss, parts.hidden, parts.head, *arguments, columns={"w": one}, group=group)
    whole = fused_loss(loss, problem.hidden, problem.head, *arguments, columns={"w": two})
    here = torch.autograd.grad(ours.total, [one, *(p[0] for p in parts.pairs)])
    there = torch.autograd.grad(whole.total, [two, *(p[1] for p in parts.pairs)])
    with said.here():
        agree(ours.total.detach(), whole.total.detach(), 1.0)
        agree(here[0], there[0], 1.0)
        for a, b, (_, _, part) in zip(here[1:], there[1:], parts.pairs, strict=True):
            agree(a, part(b), 1.0)
        assert ours.stats.backend == "chunked, 3 shards"
    return said.said


@dataclass
class VocabParallelOptions:
    """Of the fields that cut_cross_entropy's own has."""

    start: int
    stop: int
    group: object = None
    reduce_e_grad: bool = True


def both(found):
    return found[0].sum() + found[1].square().sum()


@case(4, "cut_cross_entropy's options")
def cut_cross_entropy(group, mesh):
    said, rank = Complaints(), dist.get_rank(group)
    g = torch.Generator().manual_seed(3)
    e = torch.randn(2, 5, 4, generator=g, dtype=torch.float64).requires_grad_()
    c = torch.randn(21, 4, generator=g, dtype=torch.float64).requires_grad_()
    b = torch.randn(21, generator=g, dtype=torch.float64).requires_grad_()
    y = torch.randint(21, (2, 5), generator=g)
    y[0, 2] = -100
    sizes = (6, 6, 0, 9)
    start = sum(sizes[:rank])
    for reduction, lse, summed in (
        ("mean", False, True),
        ("none", True, True),
        ("sum", False, False),
    ):
        here = [fresh(e), cut(c, sizes, rank), cut(b, sizes, rank)]
        options = VocabParallelOptions(start, start + sizes[rank], None, summed)
        more = {"softcap": 4.0, "reduction": reduction, "shift": 1, "return_lse": lse}
        ours = linear_cross_entropy(
            here[0], here[1], y, here[2], vocab_parallel_options=options, **more
        )
        whole = linear_cross_entropy(e, c, y, b, **more)
        pick = both if lse else torch.sum
        mine = list(torch.autograd.grad(pick(ours), here))
        exact = list(torch.autograd.grad(pick(whole), [e, c, b]))
        if not summed:
            dist.all_reduce(mine[0], group=group)
        with said.here(reduction):
            agree(pick(ours).detach(), pick(whole).detach(), 1.0)
            agree(mine[0], exact[0], 1.0)
            for a, full in zip(mine[1:], exact[1:], strict=True):
                agree(a, full.narrow(0, start, sizes[rank]), 1.0)
    wrong = VocabParallelOptions(start, start + sizes[rank] + 1)
    mine = cut(c, sizes, rank)
    said.refused(
        "ShapeError",
        "vocab_parallel_options says",
        lambda: linear_cross_entropy(e, mine, y, vocab_parallel_options=wrong),
    )
    return said.said


@case(2, "errors")
def errors(group, mesh):
    said, rank = Complaints(), dist.get_rank(group)
    problem = problem_of(1, 4, 9, 3, teacher="same", exclude=True)
    whole, y = problem.head, problem.batch.target
    parts = split(replace(problem, teacher=None), (5, 4), rank)
    h, head = parts.hidden, parts.head
    some = slice(0, 4 - rank)

    def go(*arguments, **more):
        given = [*arguments, *(h, head, y, {"lse"})[len(arguments) :]]
        return lambda: scan(*given, **{"group": group, **more})

    said.refused(
        "ShapeError", "the number of tokens: 4 on rank 0, 3 on rank 1", go(h[some], head, y[some])
    )
    said.refused("ShapeError", "dtype of the states", go(h if rank else h.float()))
    said.refused("ShapeError", "statistics", go(h, head, y, {"lse"} if rank else {"entropy"}))
    said.refused("ShapeError", "in the targets", go(h, head, y if rank else y.flip(0) + 1))
    said.refused("ShapeError", "the same weight, 9 words", go(h, whole))
    said.refused("ShapeError", "words are numbered 0 to 8", go(h, head, y + 9))
    said.refused("ShapeError", "which the head excludes",
                 go(h, head, torch.full_like(y, int(whole.exclude.nonzero()[-1, 0]))))  # fmt: skip
    said.refused("Unsupported", "backend='reference' keeps", go(backend="reference"))
    u = Statistic("expect", settings={"u": torch.ones(5, 1)})
    said.refused("ShapeError", "for each of all 9 words", go(h, head, y, {"x": u}))
    wide = DTensor.from_local(whole.weight.detach(), mesh, [Shard(1)])
    said.refused("Unsupported", "along its words, Shard(dim=0)", go(h, Head(wide)))
    sharded = DTensor.from_local(whole.weight.detach(), mesh, [Shard(0)])
    states = DTensor.from_local(h.detach(), mesh, [Shard(0)])
    said.refused("Unsupported", "must have all of it", go(states, Head(sharded)))
    for door in ("scan(..., group=...)", "likely.train.patch(model)", "likely.models.lm_loss"):
        said.refused("ShapeError", door, go(h, Head(sharded), group=None))
    for door in ("scan(..., group=...)", "vocab_parallel_options"):
        said.refused("Unsupported", door, lambda: linear_cross_entropy(h, sharded, y))
    states, own = problem.teacher
    other = Head(cut(own.weight, (2, 7), rank))
    said.refused("Unsupported", "lie on other processes than the model's",
                 go(h, head, y, {"jsd"}, roles={"teacher": (states, other)}))  # fmt: skip
    value = go(h, Head(head.weight))()["lse"].sum()
    for leaf in (h, head.weight):
        (first,) = torch.autograd.grad(value, leaf, create_graph=True)
        said.refused("Unsupported", "second derivative", first.square().sum().backward)
    with said.here("afterwards"):
        assert go()()["lse"].isfinite().all()
    return said.said


@case(2, "generated kernels")
def generated(group, mesh):
    """The same as torch runs them; what all statistics give was compared once, by hand."""
    said, rank = Complaints(), dist.get_rank(group)
    problem = problem_of(1, 5, 23, 3, bias=True, softcap=5.0, teacher="")
    parts = split(problem, UNEVEN[2], rank)
    found = []
    for compiled in (False, True):
        want = {"log_prob", "entropy", "wrong_lse", "mass_above"}
        stats = scan(parts.hidden, parts.head, problem.batch.target, want, group=group,
                     compiled=compiled)  # fmt: skip
        total = sum(value.sum() for value in stats.values())
        found.append([total, *torch.autograd.grad(total, [p[0] for p in parts.pairs])])
    for a, b in zip(*found, strict=True):
        with said.here():
            agree(a.detach(), b.detach(), 1.0)
    return said.said


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    from tests.contracts.sharded_run import main

    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])


@case(3, "kernels of Triton")
def kernels(group, mesh):
    """The engine changes nothing about who says what; ids begin at each process's first word."""
    from likely.vocab import _triton

    if _triton.missing(torch.device("cpu")):
        return []
    wide = problem_of(4, 20, 75, 6, bias=True, exclude=True, softcap=5.0)
    exact = narrow(narrow(wide, torch.float32), torch.float64)
    problem = narrow(wide, torch.float32)
    said, rank, sizes = Complaints(), dist.get_rank(group), (40, 2, 33)
    parts = split(problem, sizes, rank)
    asked, _ = wishes(problem, dtype=torch.float32)
    by_rows = ("column_sums", "jsd", "row", "skew_kl", "top_k_kl", "total_variation",
               "two_head_sum", "rank", "mass_above")  # fmt: skip
    asked = {k: w for k, w in asked.items() if w.name not in by_rows}
    z, t = dense_logits(exact)
    want = {k: twin(double(w), z, exact.batch.target, t) for k, w in asked.items()}
    for eps in (None, 1e-9):
        got = scan(parts.hidden, parts.head, problem.batch.target, asked, roles=parts.roles,
                   group=group, backend="triton", filter_eps=eps)  # fmt: skip
        with said.here("what ran"):
            assert got.backend == "triton, 3 shards", got.backend
        for key, wish in asked.items():
            with said.here(key):
                if wish.name in DISCRETE:
                    discrete_agree(wish, got[key], want[key], z)
                else:
                    agree(floats(got[key]).detach(), floats(want[key]).detach(), 10.0, 1e-5, key)
        names = [k for k, w in asked.items() if w.name not in DISCRETE]
        ours, theirs = (
            sum(torch.where(floats(v[k]).isfinite(), floats(v[k]), 0.0).sum() for k in names)
            for v in (got, want)
        )
        leaves = [exact.hidden, exact.head.weight, exact.head.bias]
        whole = torch.autograd.grad(theirs, leaves, retain_graph=True)
        here = [parts.hidden, parts.head.weight, parts.head.bias]
        start, own = sum(sizes[:rank]), sizes[rank]
        for leaf, a, b in zip(here, torch.autograd.grad(ours, here), whole, strict=True):
            b = b if leaf is parts.hidden else b.narrow(0, start, own)
            with said.here(f"gradient to {list(leaf.shape)}"):
                agree(a, b, 100.0, 1e-5)
    return said.said
