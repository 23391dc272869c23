"""The contract of every statistic: its dense twin, on every backend, at any block size."""

import inspect

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from likely.core.catalogue import catalogue, get, module_of
from likely.core.head import Head
from likely.core.stats import Statistic
from likely.vocab.scan import from_logits, scan
from tests.strategies import make_problem, problems

ROOM = "vocab.statistics"
NAMES = tuple(catalogue(ROOM))
every = pytest.mark.parametrize("name", NAMES)
WHOLE = {"rank"}


def wish(name, problem, seed=0):
    """A wish with drawn arguments, and the tensors in it that want a gradient."""
    g = torch.Generator().manual_seed(seed)
    n, v = len(problem.batch), problem.head.size
    allowed = torch.arange(v)
    if problem.head.exclude is not None:
        allowed = (~problem.head.exclude).nonzero()[:, 0]

    def leaf(*shape):
        return torch.randn(*shape, generator=g, dtype=torch.float64).requires_grad_()

    if name == "top":
        return Statistic(name, settings={"k": min(2, len(allowed))}), []
    if name == "gather":
        return Statistic(name, {"ids": allowed[torch.randint(len(allowed), (n, 3))]}), []
    if name == "expect":
        u = leaf(v, 2)
        return Statistic(name, settings={"u": u}), [u]
    if name == "expect_lowrank":
        a, b = leaf(n, 2), leaf(v, 2)
        return Statistic(name, {"a": a}, {"b": b}), [a, b]
    return Statistic(name), []


def floats(value):
    return value[1] if isinstance(value, tuple) else value


def twin(name, problem, asked):
    z = problem.head.logits(problem.hidden)
    return module_of(ROOM, name).dense(z, problem.batch.target, **asked.rows, **asked.settings)


@every
@given(problem=problems(), backend=st.sampled_from(["reference", "chunked"]))
def test_equals_its_dense_twin_with_gradients(name, problem, backend):
    asked, more = wish(name, problem)
    stats = scan(
        problem.hidden,
        problem.head,
        problem.batch.target,
        {name: asked},
        backend=backend,
        block=problem.block,
    )
    assert stats.backend == backend
    got, want = stats[name], twin(name, problem, asked)
    torch.testing.assert_close(floats(got), floats(want), rtol=1e-9, atol=1e-9)
    if name in WHOLE:
        assert not got.is_floating_point()
        return
    leaves = [*problem.leaves, *more]
    mix = torch.randn(
        floats(got).shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    ours = torch.autograd.grad((floats(got) * mix).sum(), leaves, allow_unused=True)
    theirs = torch.autograd.grad((floats(want) * mix).sum(), leaves, allow_unused=True)
    scale = problem.hidden.detach().abs().max().clamp_min(1.0)
    for a, b in zip(ours, theirs, strict=True):
        a = torch.zeros(1) if a is None else a
        b = torch.zeros_like(a) if b is None else b
        torch.testing.assert_close(a, b, rtol=1e-7, atol=float(1e-9 * scale**2))


@every
def test_finite_differences(name):
    if name in WHOLE:
        pytest.skip("a whole number has no gradient")
    problem = make_problem(3, 11, 2, "normal", 0.5, 5.0, 0.7, True, False, 4, 0)
    asked, more = wish(name, problem)

    def run(hidden, weight, bias, *_):
        from dataclasses import replace

        head = replace(problem.head, weight=weight, bias=bias)
        stats = scan(hidden, head, problem.batch.target, {name: asked}, backend="chunked", block=4)
        return floats(stats[name])

    assert torch.autograd.gradcheck(run, (*problem.leaves, *more), eps=1e-6, atol=1e-6)


@every
@given(problem=problems(kinds=("normal", "peaked"), least=2), seed=st.integers(0, 99))
def test_the_order_of_the_vocabulary_does_not_matter(name, problem, seed):
    from dataclasses import replace

    if name in ("gather", "top", "expect", "expect_lowrank"):
        pytest.skip("its arguments or values are numbered by word")
    at = torch.randperm(problem.head.size, generator=torch.Generator().manual_seed(seed))
    back = at.argsort()
    head = problem.head
    moved = replace(
        head,
        weight=head.weight[at],
        bias=None if head.bias is None else head.bias[at],
        exclude=None if head.exclude is None else head.exclude[at],
    )
    here = scan(problem.hidden, head, problem.batch.target, {name}, backend="chunked", block=5)
    there = scan(
        problem.hidden, moved, back[problem.batch.target], {name}, backend="chunked", block=3
    )
    torch.testing.assert_close(here[name], there[name], rtol=1e-9, atol=1e-9)


@every
@given(problem=problems(kinds=("normal",), least=2))
def test_low_precision_is_no_worse_than_plain_torch(name, problem):
    from dataclasses import replace

    if name in WHOLE or name in ("top", "expect", "expect_lowrank"):
        pytest.skip("whole numbers, or arguments in float64")
    asked, _ = wish(name, problem)
    want = twin(name, problem, asked)
    for dtype, more in ((torch.float32, 1e-5), (torch.bfloat16, 1e-2), (torch.float16, 1e-3)):
        head = replace(
            problem.head,
            weight=problem.head.weight.to(dtype),
            bias=None if problem.head.bias is None else problem.head.bias.to(dtype),
        )
        hidden = problem.hidden.to(dtype)
        stats = scan(hidden, head, problem.batch.target, {name: asked}, backend="chunked", block=7)
        assert stats[name].dtype == torch.float32
        plain = module_of(ROOM, name).dense(
            head.logits(hidden), problem.batch.target, **asked.rows, **asked.settings
        )
        size = want.abs().clamp_min(1.0)
        ours, theirs = (stats[name] - want).abs() / size, (plain - want).abs() / size
        assert (ours <= theirs + more).all()


@every
def test_no_tokens_at_all(name):
    problem = make_problem(1, 7, 2, "normal", 1.0, None, 1.0, False, False, 3, 0)
    asked, _ = wish(name, problem)
    asked = asked.at(torch.zeros(0, dtype=torch.int64))
    for backend in ("reference", "chunked"):
        none = problem.hidden[:0]
        stats = scan(none, problem.head, problem.batch.target[:0], {name: asked}, backend=backend)
        assert len(floats(stats[name])) == 0


@given(problem=problems(), backend=st.sampled_from(["reference", "chunked"]))
def test_all_at_once_equals_one_by_one(problem, backend):
    wishes = {name: wish(name, problem)[0] for name in NAMES}
    arguments = (problem.hidden, problem.head, problem.batch.target)
    together = scan(*arguments, wishes, backend=backend, block=problem.block)
    for name in NAMES:
        alone = scan(*arguments, {name: wishes[name]}, backend=backend, block=problem.block)
        torch.testing.assert_close(
            floats(together[name]), floats(alone[name]), rtol=1e-12, atol=1e-12
        )


@given(problem=problems())
def test_given_logits_say_the_same(problem):
    z, y = problem.head.logits(problem.hidden), problem.batch.target
    wishes = {name: wish(name, problem)[0] for name in NAMES}
    from_states, given_logits = (
        scan(problem.hidden, problem.head, y, wishes),
        from_logits(z, y, wishes),
    )
    for name in NAMES:
        torch.testing.assert_close(floats(from_states[name]), floats(given_logits[name]))


@given(problem=problems(kinds=("normal", "tied")), seed=st.integers(0, 9))
def test_top_are_distinct_words_with_their_logits(problem, seed):
    z = problem.head.logits(problem.hidden).detach()
    k = min(3, problem.head.size)
    want = {"best": Statistic("top", settings={"k": k})}
    arguments = (problem.hidden, problem.head, problem.batch.target, want)
    ids, logits = scan(*arguments, backend="chunked", block=problem.block)["best"]
    assert all(len(set(row)) == k for row in ids.tolist()) or problem.head.exclude is not None
    torch.testing.assert_close(logits, z.topk(k).values)
    shown = z.gather(1, ids.clamp_min(0))
    torch.testing.assert_close(shown, logits)


@every
def test_documents_itself(name):
    doc = inspect.getdoc(get(ROOM, name))
    for part in ("$$", "Args:", "Returns:", "Example:", "References:"):
        assert part in doc, f"{name} lacks {part}"
    written = {
        line.split(":")[0].strip()
        for line in doc.split("Args:")[1].split("Returns:")[0].splitlines()
    }
    assert set(inspect.signature(get(ROOM, name)).parameters) <= written


def test_a_second_reader_is_measured_without_gradient():
    one = make_problem(4, 9, 2, "normal", 1.0, None, 1.0, False, False, 4, 0)
    two = make_problem(4, 9, 3, "normal", 1.0, None, 1.0, True, False, 4, 1)
    stats = scan(
        one.hidden,
        one.head,
        one.batch.target,
        {"log_prob", "teacher_entropy"},
        roles={"teacher": (two.hidden, two.head)},
    )
    want = scan(two.hidden, two.head, one.batch.target, {"entropy"})["entropy"]
    torch.testing.assert_close(stats["teacher_entropy"], want.detach())
    assert not stats["teacher_entropy"].requires_grad


@pytest.mark.parametrize("backend", ["reference", "chunked"])
def test_training_under_autocast(backend):
    problem = make_problem(6, 11, 4, "normal", 1.0, None, 1.0, True, False, 4, 0)
    exact = twin("log_prob", problem, Statistic("log_prob"))
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
