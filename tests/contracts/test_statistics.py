"""The contract of every statistic: its dense twin with gradients, on every backend and head.

All statistics are measured in one sweep; each then takes its own gradient. The rule is
‖error‖ ≤ 1e-9 · κ · ‖wanted‖ in float64, κ = 1 + offset / ‖wanted‖, where offset is the largest
logit of either reader times, for gradients, the largest entry of what they are taken to.
"""

import inspect
import itertools
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from likely.core.catalogue import get
from likely.core.errors import Unsupported
from likely.core.stats import Statistic
from likely.vocab.scan import from_logits, scan
from tests.oracle import (
    AGAINST,
    DISCRETE,
    NAMES,
    ROOM,
    WAYS,
    agree,
    covering,
    dense_logits,
    floats,
    measured,
    offset,
    prove,
    smooth_parts,
    twin,
    wishes,
)
from tests.strategies import FORMS, KINDS, make_problem, problems


@pytest.fixture(autouse=True)
def nothing_is_read_before_it_is_written():
    """What torch.empty gives is NaN here."""
    torch._C._set_deterministic_algorithms(True)  # The public door imports the whole compiler.
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.empty(3).isnan().all()
    yield
    torch._C._set_deterministic_algorithms(False)


FACTORS = {
    "way": tuple(WAYS),
    "kind": (*KINDS, "high", "low"),
    "bias": (False, True),
    "scale": (1.0, 0.5),
    "scale_form": FORMS,
    "temperature": (1.0, 0.7),
    "temperature_form": FORMS,
    "softcap": (None, 5.0),
    "exclude": (False, True),
    "score": ("dot", "harmonic", "tables"),
    "teacher": ("same", "larger", "smaller"),
    "shape": ((1, 2, 1), (5, 23, 3), (7, 11, 4)),
    "block": (4, 30, 400),
}
CASES = covering(FACTORS)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_equals_its_dense_twin_with_gradients(number):
    rest = dict(CASES[number])
    way, (n, v, d) = rest.pop("way"), rest.pop("shape")
    prove(make_problem(n, v, d, **rest, seed=number), way, every=2, first=number)


def test_every_pair_of_options_is_covered():
    for (a, some), (b, others) in itertools.combinations(FACTORS.items(), 2):
        assert len({(case[a], case[b]) for case in CASES}) == len(some) * len(others)
    assert len(CASES) < 80


@settings(max_examples=6)
@given(problem=problems(every=True), way=st.sampled_from(list(WAYS)), first=st.integers(0, 3))
def test_drawn_problems_too(problem, way, first):
    prove(problem, way, every=4, first=first)


def small(seed=0, n=3, v=6, **more):
    chosen = {"softcap": 5.0, "scale_form": "row", "temperature_form": "whole", **more}
    return make_problem(n, v, 2, "normal", 0.5, chosen.pop("softcap"), 0.7, True, False, 7, seed,
                        teacher="same", **chosen)  # fmt: skip


@pytest.mark.parametrize("way", ["rows", "tiles"])
def test_finite_differences(way):
    problem = small(n=2, v=5)
    asked, more = wishes(problem)
    leaves = [*problem.leaves, *more]

    g = torch.Generator().manual_seed(2)
    steps = [torch.randn(leaf.shape, dtype=torch.float64, generator=g) for leaf in leaves]

    def moved(size):
        with torch.no_grad():
            for leaf, step in zip(leaves, steps, strict=True):
                leaf.add_(size * step)
        got = measured(problem, asked, way)
        return {k: (v * mix).sum() for k, v, mix in smooth_parts(asked, got, torch.zeros(1, 1))}

    above, below, here = moved(1e-6), moved(-2e-6), moved(1e-6)
    for key, value in here.items():
        grads = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)
        slope = sum((d * s).sum() for d, s in zip(grads, steps, strict=True) if d is not None)
        numerical = (above[key] - below[key]).detach() / 2e-6
        torch.testing.assert_close(slope, numerical, rtol=1e-5, atol=1e-6, msg=key)


def same(one, other, far, tolerance=1e-9, keys=None):
    for key in keys or one:
        if floats(one[key]).is_floating_point():
            agree(floats(one[key]).detach(), floats(other[key]).detach(), far, tolerance, key)
        else:
            assert torch.equal(one[key], other[key]), key


@pytest.mark.parametrize("score", ["dot", "tables"])
def test_blocks_and_schedules_do_not_matter(score):
    problem = make_problem(7, 29, 3, "normal", 1.0, None, 0.7, True, True, 5, 2,
                           score=score, teacher="smaller")  # fmt: skip
    asked, _ = wishes(problem)
    z, t = dense_logits(problem)
    whole = measured(problem, asked, "reference")
    for way in ("rows", "tiles"):
        for block in (1, 3, 8, 28, 30, 10**6):
            same(whole, measured(problem, asked, way, block), offset(z, t))


def test_the_order_of_the_vocabulary_does_not_matter():
    problem = make_problem(6, 29, 3, "normal", 1.0, None, 0.7, True, True, 5, 3, teacher="same")
    asked, _ = wishes(problem)
    at = torch.randperm(29, generator=torch.Generator().manual_seed(0))
    back = at.argsort()

    def renumbered(name, value):
        if name == "ids":
            return torch.where(value < 0, value, back[value.clamp_min(0)])
        return (
            value[at] if name in ("u", "b", "mask") and isinstance(value, torch.Tensor) else value
        )

    moved = {
        key: Statistic(
            wish.name,
            {k: renumbered(k, v) if k == "ids" else v for k, v in wish.rows.items()},
            {k: renumbered(k, v) for k, v in wish.settings.items()},
        )
        for key, wish in asked.items()
    }
    head, (states, other) = problem.head, problem.teacher
    there = replace(
        problem,
        head=replace(head, weight=head.weight[at], bias=head.bias[at], exclude=head.exclude[at]),
        teacher=(states, replace(other, weight=other.weight[at], exclude=other.exclude[at])),
        batch=replace(problem.batch, target=back[problem.batch.target]),
    )
    one, two = measured(problem, asked, "tiles"), measured(there, moved, "rows", 40)
    by_id = ("argmax", "gumbel_sample", "mass_below", "column_sums")
    keys = [key for key, wish in asked.items() if wish.name not in by_id]
    same(one, two, 10.0, keys=keys)
    assert torch.equal(back[one["argmax"]], two["argmax"])
    agree(one["column_sums"][at].detach(), two["column_sums"].detach(), 1.0)


@pytest.mark.parametrize("way", list(WAYS))
def test_a_row_does_not_depend_on_the_others(way):
    problem = make_problem(7, 29, 3, "normal", 0.5, None, 0.7, True, True, 5, 4, teacher="same",
                           scale_form="row", score="tables")  # fmt: skip
    asked, _ = wishes(problem)
    numbered = Statistic("gumbel_sample", {"row": torch.arange(7)}, {"temperature": 0.8})
    asked["gumbel_sample"] = numbered
    some = torch.tensor([5, 2, 3])
    states, other = problem.teacher
    alone = scan(
        problem.hidden[some],
        problem.head.at(some),
        problem.batch.target[some],
        {key: wish.at(some) for key, wish in asked.items()},
        roles={"teacher": (states[some], other.at(some))},
        block=11,
        **WAYS[way],
    )
    together = measured(problem, asked, way)
    for key in asked:
        if key != "column_sums":
            pick = lambda value: value if isinstance(value, torch.Tensor) else value[1]  # noqa: E731
            torch.testing.assert_close(
                pick(alone[key]), pick(together[key])[some], rtol=1e-12, atol=1e-12
            )


@pytest.mark.parametrize("way", list(WAYS))
def test_all_at_once_equals_one_by_one(way):
    problem = small(n=5, v=17)
    asked, _ = wishes(problem)
    together = measured(problem, asked, way)
    for key, wish in asked.items():
        alone = measured(problem, {key: wish}, way)
        same(alone, together, 1.0, 1e-12, [key])


@settings(max_examples=8)
@given(problem=problems(every=True))
def test_given_logits_say_the_same(problem):
    asked, _ = wishes(problem)
    z, t = dense_logits(problem)
    found = from_logits(z, problem.batch.target, asked, roles={"teacher": t})
    whole = measured(problem, asked, "reference")
    smooth = [key for key, wish in asked.items() if wish.name not in DISCRETE]
    same(found, whole, offset(z, t), keys=smooth)


@pytest.mark.parametrize("way", list(WAYS))
def test_no_tokens_at_all(way):
    problem = small(n=2, v=7)
    asked, _ = wishes(problem)
    none = torch.zeros(0, dtype=torch.int64)
    asked = {key: wish.at(none) for key, wish in asked.items()}
    states, other = problem.teacher
    found = scan(
        problem.hidden[none], problem.head.at(none), problem.batch.target[none], asked,
        roles={"teacher": (states[none], other)}, **WAYS[way],
    )  # fmt: skip
    for key in asked:
        assert len(floats(found[key])) == (7 if key == "column_sums" else 0), key
    assert (found["column_sums"] == 0).all()


@pytest.mark.parametrize("way", list(WAYS))
def test_one_word_only(way):
    problem = small(n=3, v=1)
    prove(problem, way)
    found = measured(problem, {"log_prob", "wrong_lse", "best_wrong_logit", "argmax"}, way)
    assert (found["log_prob"] == 0).all()
    assert (found["wrong_lse"] == -torch.inf).all()
    assert (found["best_wrong_logit"] == -torch.inf).all()
    assert (found["argmax"] == 0).all()


def test_a_row_without_words_leaves_the_others_alone():
    problem = small(n=4, v=7)
    asked, _ = wishes(problem)
    asked.pop("column_sums")
    z, t = (r.detach().clone() for r in dense_logits(problem))
    good = from_logits(z, problem.batch.target, asked, roles={"teacher": t})
    z[2] = -torch.inf
    found = from_logits(z, problem.batch.target, asked, roles={"teacher": t})
    keep = torch.tensor([0, 1, 3])
    for key in asked:
        torch.testing.assert_close(floats(found[key])[keep], floats(good[key])[keep])
    for name in ("lse", "max_logit", "best_wrong_logit", "wrong_lse", "power_lse", "target_logit"):
        assert found[name][2] == -torch.inf, name
    assert found["argmax"][2] == -1


def test_second_derivatives():
    problem = small()
    asked, _ = wishes(problem)
    smooth = {k: w for k, w in asked.items() if w.name not in DISCRETE}
    z, t = dense_logits(problem)
    got = measured(problem, smooth, "reference")
    want = {k: twin(w, z, problem.batch.target, t) for k, w in smooth.items()}
    leaf = problem.hidden
    pairs = zip(smooth_parts(smooth, got, z), smooth_parts(smooth, want, z), strict=True)
    for (key, ours, mix), (_, theirs, _) in pairs:
        twice = []
        for value in (ours, theirs):
            (first,) = torch.autograd.grad((value * mix).sum(), leaf, create_graph=True,
                                           allow_unused=True)  # fmt: skip
            (second,) = torch.autograd.grad(first.square().sum(), leaf, retain_graph=True)
            twice.append(second)
        agree(twice[0], twice[1], 10.0, what=key)
    value = measured(problem, {"entropy"}, "rows")["entropy"].sum()
    (first,) = torch.autograd.grad(value, leaf, create_graph=True)
    with pytest.raises(Unsupported, match="chunked backend has no second derivative"):
        first.square().sum().backward()


@pytest.mark.parametrize("name", NAMES)
def test_documents_itself(name):
    doc = inspect.getdoc(get(ROOM, name))
    written = {
        line.split(":")[0].strip()
        for line in doc.split("Args:")[1].split("Returns:")[0].splitlines()
    }
    assert set(inspect.signature(get(ROOM, name)).parameters) <= written
    assert set(AGAINST) <= set(NAMES)
