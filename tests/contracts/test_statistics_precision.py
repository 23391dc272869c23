"""Statistics in float32 and 16 bits, under autocast, and in generated kernels."""

import subprocess
import sys

import pytest
import torch

from likely.core.head import Head
from likely.core.stats import Statistic
from likely.vocab._way import can_compile
from likely.vocab.scan import scan
from tests.oracle import (
    DISCRETE,
    agree,
    clear,
    dense_logits,
    discrete_agree,
    floats,
    twin,
    wishes,
)
from tests.strategies import make_pair as pair
from tests.strategies import make_problem

WAYS = [
    {"backend": "reference"},
    {"backend": "chunked", "schedule": "rows", "block": 7},
    {"backend": "chunked", "schedule": "tiles", "block": 7},
]
ways = pytest.mark.parametrize("way", WAYS, ids=["reference", "rows", "tiles"])


EPSILON = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}


@pytest.mark.parametrize("dtype", list(EPSILON), ids=str)
@ways
def test_low_precision_is_no_worse_than_plain_torch(dtype, way):
    """Against float64 on the rounded inputs; dense torch takes its product in the low dtype."""
    exact = pair(n=6, v=31, seed=5)
    asked, _ = wishes(exact, dtype=torch.float32)
    names = [k for k, w in asked.items() if w.name not in DISCRETE and w.name != "top"]
    y, (states, other), head = exact.batch.target, exact.teacher, exact.head
    low = [
        t.detach().to(dtype) for t in (exact.hidden, head.weight, head.bias, states, other.weight)
    ]

    def run(kind, dense):
        h, w, b, s, o = leaves = [t.to(kind).requires_grad_() for t in low]
        model, second = Head(w, b), Head(o)
        if not dense:
            found = scan(h, model, y, asked, roles={"teacher": (s, second)}, **way)
        else:
            z, t = model.logits(h), second.logits(s)
            cast = {k: _in(w, z.dtype) for k, w in asked.items()}
            found = {k: twin(w, z, y, t) for k, w in cast.items()}
        return {k: (found[k].detach().double(), [None if g is None else g.double() for g in
                    torch.autograd.grad(found[k].sum(), leaves, retain_graph=True,
                                        allow_unused=True)]) for k in names}, found  # fmt: skip

    (truth, _), (plain, _), (ours, raw) = (
        run(torch.float64, True),
        run(dtype, True),
        run(dtype, False),
    )
    for key in names:
        assert floats(raw[key]).dtype == torch.float32
        want, grads = truth[key]
        pairs = zip(ours[key][1], plain[key][1], grads, strict=True)
        for got, base, exactly in [(ours[key][0], plain[key][0], want), *pairs]:
            if exactly is None or not exactly.isfinite().all():
                continue
            size = 1 + exactly.norm()
            mine = 0.0 if got is None else (got - exactly).norm() / size
            theirs = 0.0 if base is None else (base - exactly).norm() / size
            assert mine <= theirs + EPSILON[dtype], (key, mine, theirs)


def _in(wish, dtype):
    """The wish with its floating tensors in another dtype."""

    def cast(value):
        return value.to(dtype) if getattr(value, "is_floating_point", bool)() else value

    return Statistic(wish.name, {k: cast(v) for k, v in wish.rows.items()},
                     {k: cast(v) if isinstance(v, torch.Tensor) else v
                      for k, v in wish.settings.items()})  # fmt: skip


@pytest.mark.parametrize("backend", ["reference", "chunked"])
def test_training_under_autocast(backend):
    problem = make_problem(6, 11, 4, "normal", 1.0, None, 1.0, True, False, 4, 0)
    exact = twin(Statistic("log_prob"), dense_logits(problem)[0], problem.batch.target)
    wanted = torch.autograd.grad(exact.sum(), problem.leaves)
    leaves = [leaf.detach().float().requires_grad_() for leaf in problem.leaves]
    hidden, weight, bias = leaves
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = hidden @ torch.eye(4)
        stats = scan(
            states, Head(weight, bias), problem.batch.target, {"log_prob"}, backend=backend, block=4
        )
    assert stats["log_prob"].dtype == torch.float32
    grads = torch.autograd.grad(stats["log_prob"].sum(), leaves)
    for got, want in zip(grads, wanted, strict=True):
        torch.testing.assert_close(got.double(), want, rtol=0.1, atol=0.1)


def compiled_agrees(names):
    problem = pair(n=4, v=19, seed=3, exclude=True)
    asked, given = wishes(problem)
    asked = {k: w for k, w in asked.items() if names is None or k in names}
    arguments = (problem.hidden, problem.head, problem.batch.target, asked)
    roles = {"teacher": problem.teacher}
    plain = scan(*arguments, roles=roles, backend="chunked", block=40, compiled=False)
    built = scan(*arguments, roles=roles, backend="chunked", block=40, compiled=True)
    z, _ = dense_logits(problem)
    assert clear(z).all()
    totals = []
    for found in (plain, built):
        parts = [floats(found[k]).nan_to_num(neginf=0.0).sum() for k, w in asked.items()
                 if w.name not in DISCRETE]  # fmt: skip
        total = torch.stack(parts).sum()
        totals.append(torch.autograd.grad(total, [*problem.leaves, *given], allow_unused=True))
    for key, wish in asked.items():
        if wish.name in DISCRETE:
            discrete_agree(wish, built[key], plain[key], z)
        else:
            agree(floats(built[key]).detach(), floats(plain[key]).detach(), 10.0, what=key)
    for a, b in zip(*totals, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            agree(b, a, 10.0)


needs_compiler = pytest.mark.skipif(not can_compile(), reason="no C++ compiler here")


def in_a_fresh_process(names):
    """What checks shapes in tests cannot be traced: a process without it."""
    code = f"from {__name__} import compiled_agrees; compiled_agrees({names!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@needs_compiler
def test_generated_kernels_agree():
    in_a_fresh_process({"log_prob", "entropy", "expect", "argmax", "rest_lse", "rest_lse of many"})


@needs_compiler
@pytest.mark.slow  # Two kernels with every statistic in them.
def test_generated_kernels_agree_on_everything():
    in_a_fresh_process(None)
