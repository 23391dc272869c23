"""The engine under the scan: operators, memory, compiled kernels, filter, precision of products."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from likely.core.errors import ShapeError, Unsupported
from likely.core.head import Head
from likely.core.stats import Statistic
from likely.vocab import _chunked, _fused, _operators
from likely.vocab._prepared import prepare
from likely.vocab._way import can_compile, way
from likely.vocab.fused_loss import fused_loss
from likely.vocab.scan import scan

NAMES = ("log_prob", "entropy", "varentropy", "sum_p2", "lse")


def problem(tokens=6, width=4, words=23, dtype=torch.float64, seed=0):
    g = torch.Generator().manual_seed(seed)
    hidden = torch.randn(tokens, width, generator=g).to(dtype).requires_grad_()
    weight = torch.randn(words, width, generator=g).to(dtype).requires_grad_()
    bias = torch.randn(words, generator=g).to(dtype).requires_grad_()
    return hidden, weight, bias, torch.randint(words, (tokens,), generator=g)


def prepared(hidden, head, target, want=NAMES, block=40, schedule="auto", fused=False):
    return prepare(
        hidden,
        head,
        target,
        want,
        {},
        backend="chunked",
        block=block,
        schedule=schedule,
        compiled=False,
        filter_eps=None,
        fused=fused,
    )


def loss(stats, _):
    return -stats["log_prob"] + stats["entropy"] ** 2 + stats["varentropy"]


def dense_loss(hidden, weight, bias, target):
    z = hidden @ weight.T + bias
    log_p = z.log_softmax(-1)
    entropy = -(log_p.exp() * log_p).sum(-1)
    uneven = (log_p.exp() * log_p**2).sum(-1) - entropy**2
    return -log_p.gather(1, target[:, None])[:, 0] + entropy**2 + uneven


@pytest.mark.parametrize("schedule", ["rows", "tiles"])
def test_the_sweep_is_an_operator_of_torch(schedule):
    hidden, weight, bias, target = problem()
    asked = prepared(hidden, Head(weight, bias), target, schedule=schedule)
    key = _operators.key_of(asked.spec, asked.way)
    torch.library.opcheck(torch.ops.likely.sweep.default, (asked.tensors, key))


def test_its_gradient_is_an_operator_of_torch():
    hidden, weight, bias, target = problem()
    asked = prepared(hidden, Head(weight, bias), target)
    key = _operators.key_of(asked.spec, asked.way)
    found = [t.detach() for t in _operators.sweep(asked.tensors, key)]
    tensors = [t.detach() for t in asked.tensors]
    grads = [torch.ones_like(t) for t in found]
    needs = [t.requires_grad for t in asked.tensors]
    arguments = (tensors, found, grads, needs, key)
    torch.library.opcheck(torch.ops.likely.sweep_backward.default, arguments)


def test_the_fused_loss_is_an_operator_of_torch():
    hidden, weight, bias, target = problem()
    asked = prepared(hidden, Head(weight, bias), target, fused=True)
    job = _fused.Job(asked.spec, asked.way, asked.plan, loss, ())
    needs = [t.requires_grad for t in asked.tensors]
    arguments = (asked.tensors, [], needs, [], _operators.keep(job))
    # Only the total is differentiable, which the generic gradient check does not know.
    tests = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(torch.ops.likely.fused.default, arguments, test_utils=tests)


def test_a_second_derivative_is_refused_in_words():
    hidden, weight, bias, target = problem()
    stats = scan(hidden, Head(weight, bias), target, {"entropy"}, backend="chunked")
    (first,) = torch.autograd.grad(stats["entropy"].sum(), hidden, create_graph=True)
    with pytest.raises(Unsupported, match="second derivative"):
        first.sum().backward()


def test_a_second_derivative_on_the_reference():
    hidden, weight, bias, target = problem(3, 2, 5)

    def run(h):
        stats = scan(h, Head(weight, bias), target, {"entropy"}, backend="reference")
        return stats["entropy"]

    assert torch.autograd.gradgradcheck(run, (hidden,))


class Largest(TorchDispatchMode):
    """Remembers the largest tensor that any operation returned."""

    def __init__(self):
        super().__init__()
        self.numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for t in out if isinstance(out, tuple | list) else (out,):
            if isinstance(t, torch.Tensor):
                self.numel = max(self.numel, t.untyped_storage().nbytes() // t.element_size())
        return out


TOKENS, WORDS = 64, 4096


@pytest.mark.parametrize("how", ["rows", "tiles", "fused"])
def test_no_tensor_of_all_logits_is_ever_alive(how):
    hidden, weight, bias, target = problem(TOKENS, 3, WORDS, torch.float32)
    columns = torch.randn(WORDS, 2)
    want = {name: Statistic(name) for name in NAMES}
    want["expect"] = Statistic("expect", settings={"u": columns})
    want["top"] = Statistic("top", settings={"k": 3})
    schedule = "rows" if how == "fused" else how
    asked = prepared(
        hidden, Head(weight, bias), target, want, 2 * WORDS, schedule, fused=how == "fused"
    )
    needs = [t.requires_grad for t in asked.tensors]
    with Largest() as largest, torch.no_grad():
        if how == "fused":
            job = _fused.Job(asked.spec, asked.way, asked.plan, loss, ())
            _fused.run(job, asked.tensors, [], needs, [])
        else:
            shifts, states = _chunked.forward(asked.spec, asked.way, asked.tensors)
            grads = [torch.ones_like(t) if t.is_floating_point() else None for t in states]
            rest = (shifts, states, grads, needs)
            _chunked.backward(asked.spec, asked.way, asked.tensors, *rest)
    assert largest.numel <= max(2 * WORDS, 3 * WORDS, TOKENS * 128)
    assert largest.numel < TOKENS * WORDS / 10


def test_the_counter_sees_dense_logits():
    hidden, weight, _, target = problem(TOKENS, 3, WORDS, torch.float32)
    with Largest() as largest:
        functional.cross_entropy(hidden @ weight.T, target)
    assert largest.numel >= TOKENS * WORDS


@pytest.mark.skipif(not can_compile(), reason="there is no C++ compiler")
@pytest.mark.parametrize("how", ["fused", pytest.param("tiles", marks=pytest.mark.slow)])
def test_compiled_kernels_give_the_same(how):
    child = Path(__file__).with_name("compiled_child.py")
    done = subprocess.run(
        [sys.executable, str(child), how], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert max(json.loads(done.stdout)) < 1e-12


@pytest.mark.parametrize("backend", ["reference", "chunked"])
def test_fused_equals_dense_with_columns_that_want_gradients(backend):
    hidden, weight, bias, target = problem()
    by_token = torch.rand(6, dtype=torch.float64, requires_grad=True)
    leaves = (hidden, weight, bias, by_token)
    found = fused_loss(
        lambda stats, columns: (loss(stats, columns), columns["w"]),
        hidden,
        Head(weight, bias),
        target,
        NAMES,
        columns={"w": by_token},
        backend=backend,
        block=50,
    )
    exact = (dense_loss(hidden, weight, bias, target) * by_token).sum()
    torch.testing.assert_close(found.total, exact)
    torch.testing.assert_close(found.weight, by_token.sum().detach())
    ours = torch.autograd.grad(3 * found.total, leaves)
    for a, b in zip(ours, torch.autograd.grad(3 * exact, leaves), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)
    assert not found.values.requires_grad
    assert not found.stats["entropy"].requires_grad


def test_fused_may_be_differentiated_twice_with_a_kept_graph():
    hidden, weight, bias, target = problem()
    found = fused_loss(loss, hidden, Head(weight, bias), target, NAMES, backend="chunked")
    once = torch.autograd.grad(found.total, hidden, retain_graph=True)[0].clone()
    again = torch.autograd.grad(found.total, hidden)[0]
    assert torch.equal(once, again)


def test_a_function_that_mixes_tokens_is_refused():
    hidden, weight, bias, target = problem()
    with pytest.raises(ShapeError, match="one value"):
        fused_loss(
            lambda stats, _: stats["lse"].sum(),
            hidden,
            Head(weight, bias),
            target,
            {"lse"},
            backend="chunked",
        )


def test_sixteen_bits_are_summed_in_float32():
    hidden, weight, _, target = problem(512, 16, 300, torch.bfloat16)
    exact = functional.cross_entropy(hidden.double() @ weight.double().T, target)
    found = fused_loss(
        lambda stats, _: -stats["log_prob"],
        hidden,
        Head(weight),
        target,
        {"log_prob"},
        backend="chunked",
        block=30_000,
    )
    assert found.total.dtype == torch.float32
    mean = (found.total / found.weight).double()
    assert abs(float((mean - exact).detach())) < 1e-3
    ours = torch.autograd.grad(mean, (hidden, weight))
    for a, b in zip(ours, torch.autograd.grad(exact, (hidden, weight)), strict=True):
        assert a.dtype == torch.bfloat16
        assert float((a.double() - b).norm() / b.norm()) < 5e-3


def test_the_filter_drops_blocks_whose_gradients_are_all_small():
    hidden, weight, _, target = problem(4, 4, 1000)
    with torch.no_grad():
        weight[600:].zero_()
        weight[600:, 0] = -50
        hidden[:, 0] = 1
    target = target % 600
    exact, dropped = (
        torch.autograd.grad(
            fused_loss(
                lambda stats, _: -stats["log_prob"],
                hidden,
                Head(weight),
                target,
                {"log_prob"},
                backend="chunked",
                filter_eps=eps,
            ).total,
            weight,
        )[0]
        for eps in (None, 1e-6)
    )
    assert exact[800:].abs().max() > 0
    assert dropped[800:].abs().max() == 0
    torch.testing.assert_close(dropped[:512], exact[:512])


def test_the_plan_of_a_machine():
    common = {
        "device": torch.device("cpu"),
        "block": None,
        "compiled": None,
        "whole_rows": False,
        "products": torch.float32,
    }
    choose = {**common, "schedule": "auto"}
    big = way(8192, 32000, to_weight=True, **choose)
    assert (big.forward, big.backward) == ("tiles", "tiles")
    assert big.words >= 256
    assert big.rows >= 256
    assert way(8192, 32000, to_weight=False, **choose).backward == "rows"
    whole = way(8192, 32000, to_weight=True, **{**choose, "whole_rows": True})
    assert (whole.forward, whole.backward) == ("rows", "rows")
    # Even a vocabulary of a million words takes some tokens at once.
    assert way(8192, 10**6, to_weight=True, **choose).rows >= 256


def test_heads_of_a_role_are_cut_or_padded():
    hidden, weight, bias, target = problem(5, 4, 9)
    for words in (7, 12):
        other = torch.randn(words, 3, dtype=torch.float64)
        states = torch.randn(5, 3, dtype=torch.float64)
        head = Head(other, softcap=2.0)
        stats = scan(
            hidden,
            Head(weight, bias),
            target % 7,
            {"forward_kl"},
            roles={"teacher": (states, head)},
            backend="chunked",
            block=10,
        )
        z = functional.pad(head.logits(states)[:, :9], (0, max(0, 9 - words)), value=-torch.inf)
        log_q, log_p = z.log_softmax(-1), (hidden @ weight.T + bias).log_softmax(-1)
        exact = torch.where(z.isneginf(), 0.0, log_q.exp() * (log_q - log_p)).sum(-1)
        torch.testing.assert_close(stats["forward_kl"], exact)


def test_some_tokens_of_a_head_with_numbers_by_token():
    hidden, weight, _, target = problem()
    head = Head(weight, temperature=torch.rand(6, dtype=torch.float64) + 0.5)
    some = torch.tensor([4, 1])
    all_of_them = scan(hidden, head, target, {"log_prob"})["log_prob"]
    few = scan(hidden[some], head.at(some), target[some], {"log_prob"})["log_prob"]
    torch.testing.assert_close(few, all_of_them[some])
    assert replace(head, temperature=1.0).at(some).temperature == 1.0


def test_what_a_role_says_has_the_name_that_was_asked_for():
    hidden, weight, _, target = problem()
    roles = {"teacher": (hidden, Head(weight))}
    want = {"uneven": Statistic("teacher_entropy"), "own": Statistic("entropy")}
    stats = scan(hidden, Head(weight), target, want, roles=roles)
    assert set(stats) == {"uneven", "own"}
    torch.testing.assert_close(stats["uneven"], stats["own"].detach())


def test_nothing_of_a_fused_loss_is_kept():
    def kept():
        return sum(isinstance(job, _fused.Job) for job in _operators._JOBS.values())

    before = kept()
    for seed in range(3):
        hidden, weight, bias, target = problem(seed=seed)
        found = fused_loss(loss, hidden, Head(weight, bias), target, NAMES, backend="chunked")
        found.total.backward()
    assert kept() == before
