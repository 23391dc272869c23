"""Statistics where the general rule says too little: ties, draws, stored logits, low precision."""

import subprocess
import sys

import pytest
import torch

from likely.core.errors import Unsupported
from likely.core.head import Head
from likely.core.stats import Statistic
from likely.core.top_logits import TopLogits
from likely.vocab._way import can_compile
from likely.vocab.scan import from_logits, scan
from tests.oracle import (
    AGAINST,
    DISCRETE,
    agree,
    clear,
    dense_logits,
    discrete_agree,
    floats,
    offset,
    twin,
    wishes,
)
from tests.strategies import make_problem

WAYS = [
    {"backend": "reference"},
    {"backend": "chunked", "schedule": "rows", "block": 7},
    {"backend": "chunked", "schedule": "tiles", "block": 7},
]
ways = pytest.mark.parametrize("way", WAYS, ids=["reference", "rows", "tiles"])


def one_hot(rows):
    """States and a head whose logits are the rows, exactly."""
    z = torch.tensor(rows, dtype=torch.float64)
    return torch.eye(len(rows), dtype=torch.float64), Head(z.T.contiguous())


@ways
def test_ties_and_the_target_itself(way):
    hidden, head = one_hot([[2.0, 1.0, 2.0, 2.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
    head.weight.requires_grad_()
    want = {"rank", "argmax", "mass_above", "mass_below", "best_wrong_logit", "max_logit"}
    found = scan(hidden, head, torch.tensor([2, 3]), want, **way)
    p = torch.softmax(head.weight.T.detach(), -1)
    assert found["rank"].tolist() == [0, 0]
    assert found["argmax"].tolist() == [0, 0]
    assert found["mass_above"].tolist() == [0.0, 0.0]
    assert found["best_wrong_logit"].tolist() == [2.0, 1.0]
    torch.testing.assert_close(found["mass_below"], torch.stack([p[0, :2].sum(), p[1, :3].sum()]))
    for name, word in (("max_logit", [0, 0]), ("best_wrong_logit", [0, 0])):
        (grad,) = torch.autograd.grad(found[name].sum(), head.weight, retain_graph=True)
        assert grad.argmax(0).tolist() == word, name
        assert (grad.sum(0) == 1).all(), name


@ways
def test_the_rank_of_a_word_that_is_beaten(way):
    hidden, head = one_hot([[2.0, 1.0, 2.0, 1.0, 0.0]])
    for target, rank in ((0, 0), (1, 2), (3, 2), (4, 4)):
        found = scan(hidden, head, torch.tensor([target]), {"rank", "mass_above"}, **way)
        assert found["rank"].tolist() == [rank]
        above = head.weight[:, 0] > head.weight[target, 0]
        mass = head.weight[:, 0].softmax(0)[above].sum()
        torch.testing.assert_close(found["mass_above"][0], mass)


def test_close_logits_far_below_the_largest_keep_their_order():
    z = torch.tensor([[1e4, 1.0000001, 1.0000002, 1.0000004]])
    found = from_logits(z, torch.tensor([1]), {"rank": Statistic("rank")})
    assert found["rank"].tolist() == [3]


@ways
def test_the_largest_are_distinct_and_missing_ones_are_marked(way):
    hidden, head = one_hot([[0.0, 3.0, 1.0, 3.0]])
    head = Head(head.weight, exclude=torch.tensor([False, False, True, False]))
    want = {"top": Statistic("top", settings={"k": 6})}
    ids, logits = scan(hidden, head, torch.tensor([0]), want, **way)["top"]
    assert sorted(ids[0, :2].tolist()) == [1, 3]
    assert ids[0, 2:].tolist() == [0, -1, -1, -1]
    assert logits.tolist() == [[3.0, 3.0, 0.0, *[-torch.inf] * 3]]


def test_draws_follow_the_distribution():
    p = torch.tensor([0.5, 0.25, 0.15, 0.1, 0.0])
    rows = 20000
    z = (p.log() * 2).expand(rows, 5)
    want = {"x": Statistic("gumbel_sample", settings={"seed": 3, "temperature": 2.0})}
    drawn = from_logits(z, torch.zeros(rows, dtype=torch.int64), want)["x"]
    counts = torch.bincount(drawn, minlength=5)
    assert counts[4] == 0
    chi_square = ((counts[:4] - rows * p[:4]) ** 2 / (rows * p[:4])).sum()
    assert chi_square < 16.3  # 3 degrees of freedom, one in a thousand.
    again = from_logits(z, torch.zeros(rows, dtype=torch.int64), want)["x"]
    assert torch.equal(drawn, again)
    other = {"x": Statistic("gumbel_sample", settings={"seed": 4, "temperature": 2.0})}
    moved = from_logits(z, torch.zeros(rows, dtype=torch.int64), other)["x"]
    assert 0.3 < (moved == drawn).double().mean() < 0.4  # Σ p² is 0.345.


def test_noise_is_finite_in_float32_at_both_ends(monkeypatch):
    from likely.vocab.moments import _gumbel

    for bits in (0, 2**32 - 1):
        monkeypatch.setattr(_gumbel, "_mix", lambda x, b=bits: torch.full_like(x, b))
        ids = torch.arange(2)
        noise = _gumbel.gumbel(ids, ids, 0, torch.zeros(1, dtype=torch.float32))
        assert noise.isfinite().all()


def pair(teacher="same", seed=0, **more):
    chosen = {"n": 5, "v": 19, "exclude": False, **more}
    return make_problem(
        chosen.pop("n"), chosen.pop("v"), 3, "normal", 1.0, None, 1.0, True,
        chosen.pop("exclude"), 7, seed, teacher=teacher, **chosen,
    )  # fmt: skip


FINITE = ("forward_kl", "cross_entropy_to_teacher", "teacher_mean_logit", "jsd", "skew_kl",
          "total_variation", "top_k_kl", "mixture_lse")  # fmt: skip


@ways
def test_stored_logits_of_a_teacher(way):
    problem = pair()
    ids = torch.stack([torch.randperm(19, generator=torch.Generator().manual_seed(i))[:4]
                       for i in range(5)])  # fmt: skip
    stored = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    t = torch.full((5, 19), -torch.inf, dtype=torch.float64).scatter(1, ids, stored)
    z = dense_logits(problem)[0]
    arguments = (problem.hidden, problem.head, problem.batch.target)
    roles = {"teacher": TopLogits(ids, stored)}
    found = scan(*arguments, {*FINITE, "teacher_entropy"}, roles=roles, **way)
    for name in FINITE:
        want = twin(Statistic(name), z, problem.batch.target, t)
        assert found[name].isfinite().all()
        agree(found[name].detach(), want.detach(), 10.0, what=name)
        ours, theirs = (torch.autograd.grad(v.sum(), problem.leaves[:3], retain_graph=True)
                        for v in (found[name], want))  # fmt: skip
        for a, b in zip(ours, theirs, strict=True):
            agree(a, b, 10.0, what=name)
    entropy = twin(Statistic("entropy"), t, problem.batch.target)
    agree(found["teacher_entropy"], entropy, 1.0)
    for name, settings in (("reverse_kl", {}), ("mixture_lse", {"a": 2.0, "b": -1.0})):
        with pytest.raises(Unsupported, match=f"{name}: against the stored logits of 'teacher'"):
            scan(*arguments, {"x": Statistic(name, settings=settings)}, roles=roles, **way)


@ways
def test_two_second_readers_at_once(way):
    one, two = pair(seed=1), pair("larger", seed=2)
    roles = {"teacher": one.teacher, "reference": two.teacher}
    asked = {
        f"{name} {role}": Statistic(name, settings={"role": role})
        for name in AGAINST
        for role in roles
        if name != "two_head_sum"
    }
    found = scan(one.hidden, one.head, one.batch.target, asked, roles=roles, **way)
    z = one.head.logits(one.hidden)
    for key, wish in asked.items():
        states, head = roles[wish.settings["role"]]
        t = head.logits(states)[:, :19]
        want = twin(wish, z, one.batch.target, t)
        agree(found[key].detach(), want.detach(), offset(z, t), what=key)
        leaves = [one.hidden, one.head.weight, states, head.weight]
        ours, theirs = (torch.autograd.grad(v.sum(), leaves, retain_graph=True, allow_unused=True)
                        for v in (found[key], want))  # fmt: skip
        for a, b in zip(ours, theirs, strict=True):
            agree(a, b, 10 * offset(z, t), what=key)


@ways
def test_a_second_reader_alone_has_no_gradient(way):
    problem = pair()
    arguments = (problem.hidden, problem.head, problem.batch.target)
    asked = {"log_prob", "teacher_entropy"}
    found = scan(*arguments, asked, roles={"teacher": problem.teacher}, **way)
    states, head = problem.teacher
    want = twin(Statistic("entropy"), head.logits(states), problem.batch.target)
    agree(found["teacher_entropy"], want.detach(), 1.0)
    assert not found["teacher_entropy"].requires_grad


@ways
def test_a_word_that_the_teacher_lacks_counts_a_million_nats(way):
    problem = pair()
    states, head = problem.teacher
    short = (states, Head(head.weight[:-2]))
    found = scan(problem.hidden, problem.head, problem.batch.target, {"reverse_kl", "jsd"},
                 roles={"teacher": short}, **way)  # fmt: skip
    mass = dense_logits(problem)[0].softmax(-1)[:, -2:].sum(-1)
    torch.testing.assert_close(found["reverse_kl"], 1e6 * mass, rtol=1e-4, atol=50.0)
    assert (found["jsd"] < 0.7).all()


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
    in_a_fresh_process({"log_prob", "entropy", "expect", "argmax", "rest_lse"})


@needs_compiler
@pytest.mark.slow  # Two kernels with every statistic in them.
def test_generated_kernels_agree_on_everything():
    in_a_fresh_process(None)
