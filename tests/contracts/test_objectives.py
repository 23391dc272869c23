"""The contract of every objective: its dense twin on the logits, values and both gradients."""

import inspect
import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from likely.core.batch import Batch
from likely.core.bind import Source, bind
from likely.core.catalogue import catalogue, get, module_of, needs
from likely.core.settings import check, settings_of
from likely.core.stats import Statistic
from likely.core.vocabulary import Vocabulary
from likely.models.evaluate import evaluate
from likely.models.reader import Reader
from likely.vocab.scan import scan
from tests.strategies import make_problem, problems

ROOT = Path(__file__).parents[2]
ROOM = "objectives"
NAMES = tuple(catalogue(ROOM))
every = pytest.mark.parametrize("name", NAMES)


class Fixed(Reader):
    """A reader whose hidden states and head are given."""

    kind = "fixed"
    vocabulary = Vocabulary.of_bytes()
    start = step = save = None
    parameters_count = 0

    def __init__(self, problem):
        self.problem = problem

    def hidden(self, batch):
        return self.problem.hidden, self.problem.head


Fixed.__abstractmethods__ = frozenset()


def twin(name, problem, settings):
    """The dense twin takes z, y, and by name fields of the batch or `embedding`."""
    dense = module_of(ROOM, name).dense
    have = {k: problem.batch[k] for k in problem.batch.names}
    have |= {"embedding": problem.head.weight, "z": problem.head.logits(problem.hidden)}
    have["y"] = problem.batch.target
    positional = [
        p for p in inspect.signature(dense).parameters.values() if p.kind is not p.KEYWORD_ONLY
    ]
    returned = dense(*(have[p.name] for p in positional), **settings)
    return returned if isinstance(returned, tuple) else (returned, None)


def run(name, problem, **settings):
    return evaluate({name: bind(name, **settings)}, Fixed(problem), problem.batch)


def variants(name):
    """The default, and one that changes each setting."""
    found = [{}]
    for key, parameter in settings_of(get(ROOM, name)).items():
        default = parameter.default
        if isinstance(default, bool):
            found.append({key: not default})
        elif isinstance(default, float):
            found.append({key: default * 0.7})
        elif isinstance(default, int):
            found.append({key: max(2, default // 2)})
        else:
            choices = parameter.annotation.__args__
            found.extend({key: choice} for choice in choices if choice != default)
    return found


@every
@given(problem=problems(kinds=("normal", "flat", "peaked"), least=2), which=st.integers(0, 9))
def test_equals_its_dense_twin_with_gradients(name, problem, which):
    choices = variants(name)
    settings = choices[which % len(choices)]
    got = run(name, problem, **settings)
    want, weight = twin(name, problem, settings)
    torch.testing.assert_close(got.values[name], want, rtol=1e-9, atol=1e-9)
    if weight is None:
        weight = problem.batch.weight if len(want) == len(problem.batch) else torch.ones_like(want)
    torch.testing.assert_close(got.weight[name], weight, rtol=0, atol=1e-12)
    total, counted = got.total(name)
    torch.testing.assert_close(counted, weight.sum())
    ours = torch.autograd.grad(total, problem.leaves, allow_unused=True)
    theirs = torch.autograd.grad((want * weight).sum(), problem.leaves, allow_unused=True)
    scale = problem.hidden.detach().abs().max().clamp_min(1.0)
    for a, b in zip(ours, theirs, strict=True):
        a = torch.zeros(1) if a is None else a
        b = torch.zeros_like(a) if b is None else b
        torch.testing.assert_close(a, b, rtol=1e-7, atol=float(1e-9 * scale))


@every
@given(problem=problems(kinds=("normal", "peaked"), least=3), seed=st.integers(0, 99))
def test_what_is_separable_ignores_order_and_batching(name, problem, seed):
    if "separable" not in module_of(ROOM, name).LAWS:
        pytest.skip("looks at neighbours or pairs")
    entry = bind(name)

    def values(at):
        part = {
            k: problem.batch[k][at]
            for k in ("ids", "target", "segment", "position", "weight", "document")
        }
        batch = Batch(**part)
        wishes = dict(entry.wants(Source(batch, problem.head)))
        wishes |= {
            w.name: Statistic(w.name) for w in entry.wires(tuple(wishes)) if w.kind == "statistic"
        }
        stats = scan(problem.hidden[at], problem.head, batch.target, wishes)
        return entry({**stats, **{k: batch[k] for k in batch.names}})

    n = len(problem.batch)
    at = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(values(at), values(torch.arange(n))[at])
    halves = torch.cat([values(torch.arange(1)), values(torch.arange(1, n))])
    torch.testing.assert_close(halves, values(torch.arange(n)))


@every
def test_its_knobs_are_settings_with_legal_values(name):
    knobs = getattr(module_of(ROOM, name), "KNOBS", None)
    if knobs is None:
        pytest.skip("declares nothing to be tuned")
    entry = get(ROOM, name)
    for knob, values in knobs.items():
        assert len(set(values)) == len(values) > 1
        assert settings_of(entry)[knob].default in values, "the usual value is one of those tried"
        for value in values:
            assert check(name, entry, {knob: value}, complete=False)[knob] == value


@every
@given(problem=problems(kinds=("normal", "flat"), least=2))
def test_its_neutral_setting_is_the_plain_method(name, problem):
    neutral = getattr(module_of(ROOM, name), "NEUTRAL", None)
    if neutral is None:
        pytest.skip("has no neutral setting")
    settings, plain = neutral
    got, want = run(name, problem, **settings), run(plain, problem)
    torch.testing.assert_close(got.values[name], want.values[plain])


@every
def test_finite_on_sure_and_hopeless_tokens(name):
    for kind in ("flat", "wide"):
        problem = make_problem(6, 13, 3, kind, 1.0, None, 1.0, False, False, 5, 3)
        total, weight = run(name, problem).total(name)
        grads = torch.autograd.grad(total / weight.clamp_min(1), problem.leaves)
        assert all(math.isfinite(float(t.detach())) for t in (total, weight))
        assert all(g.isfinite().all() for g in grads)


@every
def test_ignored_positions_have_no_influence(name):
    problem = make_problem(6, 13, 3, "normal", 1.0, None, 1.0, False, False, 5, 3)
    problem.batch.weight[4] = 0
    total, _ = run(name, problem).total(name)
    (grad,) = torch.autograd.grad(total, [problem.hidden])
    assert (grad[4] == 0).all()
    assert (grad[[0, 1, 2, 3, 5]] != 0).any()


@every
def test_outside_numbers(name):
    golden = json.loads((ROOT / "tests" / "goldens" / f"{name}.json").read_text())
    assert golden["source"]
    for case in golden["cases"]:
        fields = {k: torch.tensor(v) for k, v in case.get("batch", {}).items()}
        target = torch.tensor(case["target"])
        n = len(target)
        kind = {"dtype": torch.float64}
        if "hidden" in case:
            weight = torch.tensor(case["embedding"], **kind)
            hidden = torch.tensor(case["hidden"], **kind).requires_grad_()
        else:
            hidden = torch.tensor(case["logits"], **kind).requires_grad_()
            weight = torch.eye(hidden.shape[1], **kind)
        pair = fields.pop("pair", None)
        columns = {k: v.double() for k, v in fields.items() if k.endswith("_log_prob")}
        base = {"ids": target, "segment": torch.zeros(n).long(), "position": torch.arange(n)}
        base |= {"weight": torch.ones(n, **kind), "document": torch.zeros(n).long()}
        base |= {k: v for k, v in fields.items() if k not in columns}
        batch = Batch(target=target, pair=pair, columns=columns, **base)
        problem = make_problem(1, 3, 1, "flat", 1.0, None, 1.0, False, False, 1, 0)
        from likely.core.head import Head

        problem.hidden, problem.head, problem.batch = hidden, Head(weight), batch
        got = run(name, problem, **case.get("settings", {}))
        near = {"rtol": 0, "atol": case.get("tolerance", 1e-6)}
        if "values" in case:
            torch.testing.assert_close(
                got.values[name], torch.tensor(case["values"], **kind), **near
            )
        if "dropped" in case:
            assert (got.weight[name] == 0).nonzero()[:, 0].tolist() == case["dropped"]
        if "gradient" in case:
            (grad,) = torch.autograd.grad(got.values[name].mean(), [hidden])
            torch.testing.assert_close(grad, torch.tensor(case["gradient"], **kind), **near)


@every
def test_reads_what_exists_and_documents_itself(name):
    problem = make_problem(4, 9, 2, "normal", 1.0, None, 1.0, False, False, 3, 0)
    entry = bind(name)
    aliases = tuple(entry.wants(Source(problem.batch, problem.head, Vocabulary.of_bytes())))
    assert len(entry.wires(aliases)) == len(needs(entry.entry))
    for parameter in settings_of(entry.entry).values():
        assert parameter.default is not parameter.empty
        json.dumps(parameter.default)
    for parameter in inspect.signature(entry.entry).parameters.values():
        assert (
            parameter.kind is not parameter.POSITIONAL_OR_KEYWORD
            or parameter.default is parameter.empty
        )
    doc = inspect.getdoc(entry.entry)
    for part in ("$$", "Cost:", "Args:", "Returns:", "Example:", "References:"):
        assert part in doc, f"{name} lacks {part}"
    assert any(cost in doc for cost in ("separable", "coupled", "full row"))
    page = ROOT / "docs" / "objectives" / f"{name}.md"
    assert page.read_text().startswith(f"# {name}\n")
