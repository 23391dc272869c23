"""The Triton backend, in its interpreter or on a GPU: every statistic in one call, 32 and 16 bits.

The oracle is float64 on the same rounded inputs. The rule is that of the other backends in low
precision: no further from it than plain torch in the same dtype, plus a little (`EPSILON`).
Gradients are taken of a drawn mixture of all statistics, and of each by itself.
"""

import itertools
from dataclasses import replace

import pytest
import torch

from likely.core.errors import Unsupported
from likely.core.head import Head
from likely.core.stats import Statistic
from likely.core.top_logits import TopLogits
from likely.vocab.fused_loss import fused_loss
from likely.vocab.scan import scan
from tests.oracle import (
    AGAINST,
    DISCRETE,
    TO_ONE_WORD,
    covering,
    dense_logits,
    floats,
    twin,
    wishes,
)
from tests.strategies import FORMS, KINDS, make_problem

pytest.importorskip("triton", reason="Triton is not installed")
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")

EPSILON = {torch.float32: 2e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}
BY_ROWS = ("column_sums", "jsd", "jsd 0.9", "row", "skew_kl", "skew_kl 0", "top_k_kl",
           "top_k_kl renormalised", "total_variation", "two_head_sum")  # fmt: skip
"""Statistics that read whole rows of logits, which no tile holds."""
ODD = ("flat", "peaked", "wide", "tied")
"""Kinds of problems whose gradients jump or vanish with the last bit of a product."""

FACTORS = {
    "dtype": tuple(EPSILON),
    "kind": KINDS,
    "bias": (False, True),
    "scale_form": FORMS,
    "temperature_form": FORMS,
    "softcap": (None, 5.0),
    "exclude": (False, True),
    "score": ("dot", "harmonic"),
    "teacher": ("same", "larger", "smaller"),
    "shape": ((1, 2, 1), (5, 23, 3), (18, 37, 17), (33, 70, 20)),
    "block": (None, 40),
}
CASES = covering(FACTORS)


def changed(problem, change):
    """The same problem with other tensors."""

    def head(one):
        parts = {name: getattr(one, name) for name in ("weight", "bias", "scale", "temperature")}
        gone = None if one.exclude is None else one.exclude.to(DEVICE)
        return replace(one, exclude=gone, **{k: change(v) for k, v in parts.items()})

    states, other = problem.teacher
    return replace(
        problem,
        batch=replace(problem.batch, target=problem.batch.target.to(DEVICE)),
        hidden=change(problem.hidden),
        head=head(problem.head),
        teacher=(change(states), head(other)),
    )


def in_dtype(dtype):
    def change(value):
        if not isinstance(value, torch.Tensor) or not value.is_floating_point():
            return value
        return value.detach().to(DEVICE, dtype).requires_grad_(value.requires_grad)

    return change


def with_tensors(wish, change):
    """A wish with other tensors."""
    new = lambda v: change(v) if isinstance(v, torch.Tensor) else v  # noqa: E731
    return Statistic(
        wish.name,
        {k: new(v) for k, v in wish.rows.items()},
        {k: new(v) for k, v in wish.settings.items()},
    )


def wide(wish):
    """A wish with float64 tensors."""
    return with_tensors(wish, lambda v: v.double() if v.is_floating_point() else v)


def asked_of(problem):
    """A wish for every statistic, with tensors of float32 where the problem lies."""
    asked, more = wishes(problem, dtype=torch.float32)
    return {key: with_tensors(wish, lambda v: v.to(DEVICE)) for key, wish in asked.items()}, more


def measured(problem, asked, block=None, **more):
    return scan(
        problem.hidden, problem.head, problem.batch.target, asked,
        roles={"teacher": problem.teacher}, backend="triton", block=block, **more,
    )  # fmt: skip


def dense(problem, asked):
    """Every statistic from whole logits, in the problem's own dtype."""
    z, t = dense_logits(problem)
    every = {k: w if z.dtype == torch.float32 else wide(w) for k, w in asked.items()}
    return {k: twin(w, z, problem.batch.target, t) for k, w in every.items()}


def smooth(asked, odd):
    """Statistics whose gradients can be compared."""
    left_out = (*DISCRETE, *TO_ONE_WORD) if odd else DISCRETE
    return [k for k, w in asked.items() if w.name not in left_out]


def mixed(values, names, seed=0):
    """One number from many statistics."""
    g = torch.Generator().manual_seed(seed)
    total = 0
    for name in names:
        value = floats(values[name])
        mix = torch.randn(value.shape, generator=g, dtype=torch.float64).to(value)
        value = torch.where(value.isfinite(), value, 0.0)
        total = total + (value * mix).sum()
    return total


def pulled(total, leaves):
    found = torch.autograd.grad(total, leaves, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True)]


def no_worse(ours, plain, exact, epsilon, what):
    """‖ours − exact‖ ≤ ‖plain − exact‖ + ε (1 + ‖exact‖), infinities being equal."""
    ours, plain, exact = (t.detach().double() for t in (ours, plain, exact))
    finite = exact.isfinite() & plain.isfinite()
    size = 1 + exact[finite].norm()
    mine, theirs = ((t - exact)[finite].norm() / size for t in (ours, plain))
    assert mine <= theirs + epsilon, (what, float(mine), float(theirs))


def prove(problem, dtype, block=None, odd=False, one_by_one=False):
    low = changed(problem, in_dtype(dtype))
    exact = changed(low, in_dtype(torch.float64))
    asked, more = asked_of(problem)
    ours, plain, truth = measured(low, asked, block), dense(low, asked), dense(exact, asked)
    assert ours.backend == "triton + chunked"
    far = 1 + max(float(z.detach()[z.isfinite()].abs().max()) for z in dense_logits(exact))
    epsilon = EPSILON[dtype] * max(1.0, far / 100)
    names = smooth(asked, odd)
    for key in names:
        assert floats(ours[key]).dtype == torch.float32
        no_worse(*(floats(v[key]) for v in (ours, plain, truth)), epsilon, key)
    groups = [[name] for name in names] if one_by_one else [names]
    leaves = [[*p.leaves, *more] for p in (low, low, exact)]
    for group in groups:
        totals = [mixed(values, group) for values in (ours, plain, truth)]
        grads = [pulled(t, x) for t, x in zip(totals, leaves, strict=True)]
        for leaf, a, b, c in zip(leaves[0], *grads, strict=True):
            if c.isfinite().all():
                what = f"{group if one_by_one else 'all'} to {list(leaf.shape)}"
                no_worse(a, b, c, epsilon, what)
    discrete(low, exact, ours)


def discrete(low, exact, ours):
    """Whole numbers, in rows where logits are far enough apart."""
    z = dense_logits(exact)[0].detach()
    words = z.masked_fill(z.isneginf(), torch.inf).sort(-1).values
    gaps = (words[:, 1:] - words[:, :-1]).nan_to_num(nan=torch.inf)
    unit = 1e-5 * z.masked_fill(z.isneginf(), 0.0).abs().amax(-1, keepdim=True).clamp_min(1.0)
    sure = (gaps > unit).all(-1)
    y = low.batch.target
    rank = (z > z.gather(1, y[:, None])).sum(-1)
    assert torch.equal(ours["rank"][sure], rank[sure])
    assert torch.equal(ours["argmax"][sure], z.argmax(-1)[sure])


@pytest.mark.parametrize("number", range(len(CASES)))
def test_no_worse_than_plain_torch(number):
    rest = dict(CASES[number])
    dtype, (n, v, d), kind = rest.pop("dtype"), rest.pop("shape"), rest.pop("kind")
    block = rest.pop("block")
    rest |= {"scale": 0.5, "temperature": 0.7, "block": 1}
    problem = make_problem(n, v, d, kind, **rest, seed=number)
    prove(problem, dtype, block, odd=kind in ODD)


def test_every_pair_of_options_is_covered():
    for (a, some), (b, others) in itertools.combinations(FACTORS.items(), 2):
        assert len({(case[a], case[b]) for case in CASES}) == len(some) * len(others)


@pytest.mark.parametrize("softcap", [None, 5.0])
def test_each_statistic_has_its_own_gradient(softcap):
    more = {"scale_form": "row", "temperature_form": "whole", "teacher": "smaller"}
    problem = make_problem(21, 70, 20, "normal", 0.3, softcap, 0.7, True, True, 1, 3, **more)
    prove(problem, torch.float32, block=700, one_by_one=True)


def pair(seed=0, dtype=torch.float32, **more):
    chosen = {"n": 20, "v": 70, "d": 8, "softcap": None, "teacher": "same", **more}
    problem = make_problem(
        chosen.pop("n"), chosen.pop("v"), chosen.pop("d"), "normal", 1.0, chosen.pop("softcap"),
        1.0, True, False, 1, seed, **chosen,
    )  # fmt: skip
    return changed(problem, in_dtype(dtype))


def test_what_runs_where_is_said():
    problem = pair()
    asked, _ = asked_of(problem)
    for key, wish in asked.items():
        found = measured(problem, {key: wish})
        closed = wish.name in ("sum_logit", "sum_square_logit")
        want = "chunked" if key in BY_ROWS else "triton"
        assert closed or found.backend == want, (key, found.backend)
    few = [key for key in asked if key not in BY_ROWS]
    found = measured(problem, {key: asked[key] for key in few})
    assert (found.backend, found.sweeps) == ("triton", 1)
    found = measured(problem, asked)
    assert (found.backend, found.sweeps) == ("triton + chunked", 2)


def test_what_does_not_fit_registers_goes_by_rows():
    problem = pair()
    ids = torch.randint(70, (20, 300), device=DEVICE)
    for wish in (
        Statistic("expect", settings={"u": torch.randn(70, 40, device=DEVICE)}),
        Statistic("top", settings={"k": 65}),
        Statistic("gather", {"ids": ids}),
    ):
        found = measured(problem, {"it": wish})
        assert "chunked" in found.backend
        z = dense_logits(problem)[0]
        want = twin(wish, z, problem.batch.target)
        torch.testing.assert_close(floats(found["it"]), floats(want), rtol=1e-4, atol=1e-4)


def test_double_precision_and_stored_logits_go_by_rows():
    double = pair(dtype=torch.float64)
    assert measured(double, {"log_prob"}).backend == "chunked"
    problem = pair()
    ids = torch.arange(3, device=DEVICE).expand(20, 3)
    roles = {"teacher": TopLogits(ids, torch.randn(20, 3, device=DEVICE))}
    want = {"log_prob", "forward_kl"}
    arguments = (problem.hidden, problem.head, problem.batch.target, want)
    found = scan(*arguments, roles=roles, backend="triton")
    same = scan(*arguments, roles=roles, backend="reference")
    assert found.backend == "triton + chunked"
    for name in want:
        torch.testing.assert_close(found[name], same[name], rtol=1e-4, atol=1e-4)


def test_ties_and_the_target_itself():
    z = torch.tensor([[2.0, 1.0, 2.0, 2.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0]], device=DEVICE)
    head = Head(z.T.contiguous())
    want = {"rank", "argmax", "mass_above", "best_wrong_logit", "max_logit"}
    found = scan(
        torch.eye(2, device=DEVICE),
        head,
        torch.tensor([2, 3], device=DEVICE),
        want,
        backend="triton",
    )
    assert found["rank"].tolist() == [0, 0]
    assert found["argmax"].tolist() == [0, 0]
    assert found["mass_above"].tolist() == [0.0, 0.0]
    assert found["best_wrong_logit"].tolist() == [2.0, 1.0]


def test_equal_words_in_other_tiles_and_splits_are_no_better():
    """200 copies of one row: in whatever tile, none beats another, and the first is the arg max."""
    g = torch.Generator().manual_seed(0)
    hidden = torch.randn(19, 12, generator=g).to(DEVICE)
    weight = torch.randn(1, 12, generator=g).expand(200, 12).contiguous().to(DEVICE)
    for y in (0, 77, 199):
        target = torch.full((19,), y, device=DEVICE)
        found = scan(hidden, Head(weight), target, {"rank", "mass_above", "argmax"},
                     backend="triton")  # fmt: skip
        assert (found["rank"] == 0).all()
        assert (found["mass_above"] == 0).all()
        assert (found["argmax"] == 0).all()


def test_the_largest_are_distinct_and_missing_ones_are_marked():
    z = torch.tensor([[0.0, 3.0, 1.0, 3.0]], device=DEVICE)
    head = Head(z.T.contiguous(), exclude=torch.tensor([False, False, True, False], device=DEVICE))
    want = {"top": Statistic("top", settings={"k": 6})}
    ids, logits = scan(
        torch.ones(1, 1, device=DEVICE),
        head,
        torch.tensor([0], device=DEVICE),
        want,
        backend="triton",
    )["top"]
    assert sorted(ids[0, :2].tolist()) == [1, 3]
    assert ids[0, 2:].tolist() == [0, -1, -1, -1]
    assert logits.tolist() == [[3.0, 3.0, 0.0, *[-torch.inf] * 3]]


def test_the_same_words_are_drawn():
    problem = pair(n=40, v=90)
    wish = {"it": Statistic("gumbel_sample", settings={"seed": 2**31 + 5, "temperature": 0.7})}
    arguments = (problem.hidden, problem.head, problem.batch.target, wish)
    ours = scan(*arguments, backend="triton")["it"]
    assert torch.equal(ours, scan(*arguments, backend="reference")["it"])


def ones(*shape, dtype=torch.float32):
    return torch.ones(shape, dtype=dtype, device=DEVICE)


def test_no_tokens_and_one_word():
    none = scan(ones(0, 3), Head(ones(5, 3)), ones(0, dtype=torch.int64), {"log_prob", "rank"},
                backend="triton")  # fmt: skip
    assert none["log_prob"].shape == (0,)
    one = scan(ones(2, 3), Head(ones(1, 3)), 0 * ones(2, dtype=torch.int64),
               {"log_prob", "wrong_lse", "argmax"}, backend="triton")  # fmt: skip
    assert one["log_prob"].tolist() == [0.0, 0.0]
    assert one["wrong_lse"].tolist() == [-torch.inf, -torch.inf]


def test_high_and_low_logits_lose_no_digits_to_the_offset():
    problem = pair()
    for offset in (1e4, -1e4):
        head = Head(problem.head.weight, problem.head.bias * 0 + offset)
        z = (
            replace(head, weight=head.weight.double(), bias=head.bias.double())
            .logits(problem.hidden.double())
            .detach()
        )
        want = {"entropy", "varentropy", "log_prob"}
        found = scan(problem.hidden, head, problem.batch.target, want, backend="triton")
        for name in want:
            exact = twin(Statistic(name), z, problem.batch.target)
            torch.testing.assert_close(found[name].double(), exact, rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_a_fused_loss_and_many_tokens(monkeypatch, dtype):
    """Tokens in several parts: sums of the weight's gradient go on in float32."""
    from likely.vocab import _triton

    problem = pair(n=50, dtype=dtype)
    far = 1e-3 if dtype == torch.float16 else 1e-2
    leaves = (problem.hidden, problem.head.weight, problem.head.bias)

    def run(**more):
        found = fused_loss(
            lambda stats, columns: (-stats["log_prob"] + stats["entropy"] ** 2, columns["w"]),
            problem.hidden, problem.head, problem.batch.target, {"log_prob", "entropy"},
            columns={"w": torch.linspace(0, 1, 50, device=DEVICE)}, **more,
        )  # fmt: skip
        return found, torch.autograd.grad(found.total / found.weight, leaves)

    exact, want = run(backend="reference")
    for rows in (2**14, 20):
        monkeypatch.setattr(_triton, "MOST_ROWS", rows)
        for eps in (None, 1e-12):
            found, grads = run(backend="triton", filter_eps=eps)
            assert found.stats.backend == "triton"
            torch.testing.assert_close(found.total, exact.total, rtol=far, atol=far)
            for a, b in zip(grads, want, strict=True):
                torch.testing.assert_close(a, b, rtol=10 * far, atol=far)


def test_another_default_dtype_changes_nothing():
    problem = pair()
    want = {"log_prob", "entropy", "rank"}

    def run():
        found = measured(problem, want)
        grads = pulled(mixed(found, ("log_prob", "entropy")), [problem.hidden, problem.head.weight])
        return [found["log_prob"], found["rank"], *grads]

    before = run()
    torch.set_default_dtype(torch.bfloat16)
    try:
        after = run()
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_frozen_parts_get_no_gradient():
    problem = pair()
    frozen = replace(problem.head, weight=problem.head.weight.detach(), bias=None)
    for eps in (None, "auto"):
        found = scan(problem.hidden, frozen, problem.batch.target, {"log_prob"},
                     backend="triton", filter_eps=eps)  # fmt: skip
        (ours,) = torch.autograd.grad(found["log_prob"].sum(), problem.hidden)
        z = frozen.logits(problem.hidden)
        want = twin(Statistic("log_prob"), z, problem.batch.target)
        (theirs,) = torch.autograd.grad(want.sum(), problem.hidden)
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.skipif(DEVICE.type == "cuda", reason="nothing is missing where there is a GPU")
def test_it_says_what_it_needs(monkeypatch):
    problem = pair()
    monkeypatch.delenv("TRITON_INTERPRET")
    with pytest.raises(Unsupported, match="runs on a GPU, and the states lie on 'cpu'"):
        measured(problem, {"log_prob"})
    monkeypatch.setattr("likely.vocab._triton.find_spec", lambda name: None)
    with pytest.raises(Unsupported, match="pip install triton"):
        measured(problem, {"log_prob"})


def test_statistics_against_a_reader_of_whole_rows_are_known():
    assert set(AGAINST) >= {"jsd", "total_variation"}
    assert {name.split(" ")[0] for name in BY_ROWS} <= {*AGAINST, "row", "column_sums"}
