"""The contract of every objective: its dense twin on the logits, values and both gradients."""

import inspect
import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from likely.apps._facts import FACTS, facts
from likely.core.batch import LOADED, Batch
from likely.core.bind import Source, bind
from likely.core.catalogue import catalogue, get, module_of, needs
from likely.core.head import Head
from likely.core.settings import check, settings_of
from likely.core.stats import Statistic
from likely.core.vocabulary import Vocabulary
from likely.models._second import Seconds
from likely.models.evaluate import evaluate
from likely.models.reader import Reader
from likely.vocab.scan import scan
from tests.strategies import Problem, make_problem, problems

ROOT = Path(__file__).parents[2]
ROOM = "objectives"
NAMES = tuple(catalogue(ROOM))
TOGETHER = {
    "dco": [{"level": "step", "attempts": 3}],
    "error_norm_truncation": [{"mode": "fraction", "fraction": 0.5}],
    "number_token_loss": [{"variant": "mse", "average": "tokens"}],
    "plackett_luce": [{"k": 0}, {"k": 1, "temperature": 2.0}],
    "tldr": [{"level": "sequence", "weighting": "focal"}],
    "unlikelihood": [{"level": "sequence", "ngram": n} for n in (1, 2)],
}
"""Settings that show only together."""
every = pytest.mark.parametrize("name", NAMES)


class Fixed(Reader):
    """A reader whose hidden states and head are given; words with even ids are numbers."""

    kind = "fixed"
    start = step = save = None
    parameters_count = 0

    words = None

    def __init__(self, hidden, head):
        self.given = hidden, head
        words = (str(v * v).encode() if v % 2 == 0 else b"word" for v in range(head.size))
        self.vocabulary = Vocabulary(self.words or tuple(words), bos=1, eos=1)

    def hidden(self, batch):
        return self.given


Fixed.__abstractmethods__ = frozenset()


def twin(name, problem, settings):
    """The dense twin takes z, y, and by name fields of the batch or `embedding`."""
    dense = module_of(ROOM, name).dense
    have = {k: problem.batch[k] for k in problem.batch.names}
    have |= {"embedding": problem.head.weight, "z": problem.head.logits(problem.hidden)}
    have["y"] = problem.batch.target
    if problem.teacher is not None:
        states, head = problem.teacher
        have["teacher"] = head.logits(states)
    values = Fixed(problem.hidden, problem.head).vocabulary.number_value
    have["number_value"] = torch.tensor(values)
    positional = [
        p for p in inspect.signature(dense).parameters.values() if p.kind is not p.KEYWORD_ONLY
    ]
    returned = dense(*(have[p.name] for p in positional), **settings)
    return returned if isinstance(returned, tuple) else (returned, None)


def run(name, problem, **settings):
    roles = {} if problem.teacher is None else {"teacher": Fixed(*problem.teacher)}
    reader = Fixed(problem.hidden, problem.head)
    return evaluate({name: bind(name, **settings)}, reader, problem.batch, roles=roles)


def made(n, v, d, kind, block):
    return make_problem(
        n, v, d, kind, 1.0, None, 1.0, False, False, block, 3, teacher="same"
    )  # fmt: skip


def first(returned):
    return returned[0] if isinstance(returned, tuple) else returned


def is_well_posed(name, got, settings):
    """Whether two computations can agree on it: no ratio to rounding errors, no order of ties."""
    if name == "emo":
        return float((1 - got.stats["emo/similarity"].detach()).abs().min()) > 1e-6
    if settings.get("mode") == "fraction":
        norms = (got.stats["sum_p2"] - 2 * got.stats["log_prob"].exp()).detach()
        return len(norms) < 2 or float(norms.sort().values.diff().min()) > 1e-9
    return True


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
            found += [{key: 2}, {key: max(2, default // 2)}]
        else:
            choices = parameter.annotation.__args__
            found.extend({key: choice} for choice in choices if choice != default)
    return found + TOGETHER.get(name, [])


@every
@given(
    problem=problems(kinds=("normal", "flat", "peaked"), least=2, teacher="same"),
    which=st.integers(0, 99),
)
def test_equals_its_dense_twin_with_gradients(name, problem, which):
    choices = variants(name)
    settings = choices[which % len(choices)]
    got = run(name, problem, **settings)
    if not is_well_posed(name, got, settings):
        return
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
    entry = next((e for v in variants(name) if "separable" in (e := bind(name, **v)).laws), None)
    if entry is None:
        pytest.skip("looks at neighbours, pairs or a teacher")

    def values(at):
        part = {
            k: problem.batch[k][at]
            for k in ("ids", "target", "segment", "position", "weight", "document")
        }
        batch = Batch(**part)
        vocabulary = Fixed(problem.hidden, problem.head).vocabulary
        found = entry.wants(Source(batch, problem.head, vocabulary))
        known = {k: t for k, t in found.items() if isinstance(t, torch.Tensor)}
        wishes = {k: w for k, w in found.items() if k not in known}
        wishes |= {
            w.name: Statistic(w.name) for w in entry.wires(tuple(found)) if w.kind == "statistic"
        }
        stats = scan(problem.hidden[at], problem.head, batch.target, wishes)
        return first(entry({**stats, **known, **{k: batch[k] for k in batch.names}}))

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
@given(problem=problems(kinds=("normal", "flat"), least=2, teacher="same"))
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
        problem = made(6, 13, 3, kind, 5)
        total, weight = run(name, problem).total(name)
        leaves = [problem.hidden, problem.head.weight]
        grads = torch.autograd.grad(total / weight.clamp_min(1), leaves)
        assert all(math.isfinite(float(t.detach())) for t in (total, weight))
        assert all(g.isfinite().all() for g in grads)


@every
def test_ignored_positions_have_no_influence(name):
    problem = made(6, 13, 3, "normal", 5)
    problem.batch.weight[4] = 0
    total, _ = run(name, problem).total(name)
    (grad,) = torch.autograd.grad(total, [problem.hidden])
    assert (grad[4] == 0).all()
    assert (grad[[0, 1, 2, 3, 5]] != 0).any()


def golden_problem(case):
    """States and head, or logits alone; a teacher's logits; words, where they mean something."""
    exact = {"dtype": torch.float64}
    fields = {k: torch.tensor(v) for k, v in case.get("batch", {}).items()}
    target = torch.tensor(case["target"])
    n = len(target)
    hidden = torch.tensor(case.get("hidden", case.get("logits")), **exact).requires_grad_()
    weight = torch.eye(hidden.shape[1], **exact)
    if "embedding" in case:
        weight = torch.tensor(case["embedding"], **exact)
    pair = fields.pop("pair", None)
    columns = {k: v.double() for k, v in fields.items() if k.endswith("_log_prob")}
    columns |= {k: v for k, v in fields.items() if k in LOADED}
    base = {"ids": target, "segment": torch.zeros(n).long(), "position": torch.arange(n)}
    base |= {"weight": torch.ones(n, **exact), "document": torch.zeros(n).long()}
    base |= {k: v for k, v in fields.items() if k not in columns}
    batch = Batch(target=target, pair=pair, columns=columns, **base)
    problem = Problem(hidden, Head(weight), batch, 3)
    if "teacher" in case:
        logits = torch.tensor(case["teacher"], **exact)
        problem.teacher = logits, Head(torch.eye(logits.shape[1], **exact))
    return problem


@every
def test_outside_numbers(name, monkeypatch):
    golden = json.loads((ROOT / "tests" / "goldens" / f"{name}.json").read_text())
    assert golden["source"]
    for case in golden["cases"]:
        problem = golden_problem(case)
        if "words" in case:
            words = tuple(word.encode() for word in case["words"])
            monkeypatch.setattr(Fixed, "words", words)
        got = run(name, problem, **case.get("settings", {}))
        near = {"rtol": 0, "atol": case.get("tolerance", 1e-6)}
        exact = {"dtype": torch.float64}
        if "values" in case:
            torch.testing.assert_close(
                got.values[name], torch.tensor(case["values"], **exact), **near
            )
        if "mean" in case:
            total, weight = got.total(name)
            torch.testing.assert_close(total / weight, torch.tensor(case["mean"], **exact), **near)
        if "dropped" in case:
            assert (got.weight[name] == 0).nonzero()[:, 0].tolist() == case["dropped"]
        if "gradient" in case:
            (grad,) = torch.autograd.grad(got.values[name].mean(), [problem.hidden])
            torch.testing.assert_close(grad, torch.tensor(case["gradient"], **exact), **near)


@every
def test_what_it_says_to_be_detached_is(name):
    said = fact(name, "Detached")
    for settings in variants(name):
        problem = made(8, 14, 3, "normal", 5)
        entry = run(name, problem, **settings)
        assert not entry.weight[name].requires_grad
        total, _ = entry.total(name)
        leaves = [problem.hidden, problem.head.weight]
        taught = [problem.teacher[0], problem.teacher[1].weight]
        *grads, on_states, on_weight = torch.autograd.grad(
            total, [*leaves, *taught], allow_unused=True
        )
        assert on_states is None
        assert on_weight is None
        step = 1e-6
        rng = torch.Generator().manual_seed(1)
        along = [torch.randn(leaf.shape, generator=rng, dtype=torch.float64) for leaf in leaves]
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                for leaf, way in zip(leaves, along, strict=True):
                    leaf.add_(sign * step * way)
                ends.append(float(run(name, problem, **settings).total(name)[0]))
                for leaf, way in zip(leaves, along, strict=True):
                    leaf.sub_(sign * step * way)
        slope = (ends[0] - ends[1]) / (2 * step)
        ours = sum(float((g * way).sum()) for g, way in zip(grads, along, strict=True))
        if said.startswith("the ratio"):
            assert abs(slope - ours) > 1e-3 * abs(ours)
        else:
            assert said.startswith(("nothing", "the mask", "the teacher"))
            assert slope == pytest.approx(ours, rel=1e-5, abs=1e-7)


@every
def test_it_is_divided_by_what_it_says(name):
    said = fact(name, "Denominator").split(" (")[0].rstrip(".")
    problem = made(40, 14, 3, "normal", 5)
    problem.batch.weight[problem.batch.segment == 1] = 0
    batch, dropped = problem.batch, 0
    for settings in variants(name):
        weight = run(name, problem, **settings).weight[name]
        if said == "tokens":
            torch.testing.assert_close(weight, batch.weight)
        elif said == "kept tokens":
            assert ((weight == 0) | (weight == batch.weight)).all()
            dropped += int(((weight == 0) & (batch.weight > 0)).sum())
        elif said == "sequences":
            assert set(weight.tolist()) <= {0.0, 1.0}
            assert weight[1] == 0
        else:
            assert said == "pairs"
            torch.testing.assert_close(weight, torch.ones(len(batch.pair), dtype=weight.dtype))
    assert said != "kept tokens" or dropped


@every
def test_its_status_is_one_of_two(name):
    assert fact(name, "Status").startswith(("verified (", "our reading ("))


def fact(name, what):
    return facts(inspect.getdoc(get(ROOM, name)))[what]


@every
def test_reads_what_exists_and_documents_itself(name):
    problem = made(4, 9, 2, "normal", 3)
    entry, seconds = bind(name), Seconds(problem.batch, {"teacher": Fixed(*problem.teacher)})
    vocabulary = Fixed(problem.hidden, problem.head).vocabulary
    source = Source(problem.batch, problem.head, vocabulary, read=seconds.read)
    aliases = tuple(entry.wants(source))
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
    for part in (
        "$$",
        *(f"{fact}:" for fact in FACTS),
        "Args:",
        "Returns:",
        "Example:",
        "References:",
    ):
        assert part in doc, f"{name} lacks {part}"
    assert any(cost in doc for cost in ("separable", "coupled", "full row"))
    page = ROOT / "docs" / "objectives" / f"{name}.md"
    assert page.read_text().startswith(f"# {name}\n")
