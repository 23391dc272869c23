"""Statistics where the general rule says too little: ties, draws, stored logits, low precision."""

import pytest
import torch

from likely.core.errors import Unsupported
from likely.core.head import Head
from likely.core.stats import Statistic
from likely.core.top_logits import TopLogits
from likely.vocab.scan import from_logits, scan
from tests.oracle import (
    AGAINST,
    agree,
    dense_logits,
    offset,
    twin,
)
from tests.strategies import make_pair as pair

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
