"""The Triton engine apart from its numbers: what is filtered, what is held, what compiles."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from likely.core.head import Head
from likely.models.head_loss import lm_loss
from likely.vocab import _operators, _triton
from likely.vocab._prepared import prepare
from likely.vocab._triton import _backward, _choose, _forward, _products, _write_backward
from likely.vocab._triton._problem import Problem
from likely.vocab.linear_cross_entropy import linear_cross_entropy
from likely.vocab.scan import scan
from tests.unit.tiny_models import furthest, micro_batches, tiny
from tests.unit.tiny_models import gradients as gradients_of

pytest.importorskip("triton", reason="Triton is not installed")
pytestmark = pytest.mark.skipif(
    os.environ.get("TRITON_INTERPRET") != "1", reason="kernels are not interpreted here"
)


def confident(tokens=32, words=256, width=16, sure=20.0, seed=0):
    """States that predict their targets but for e^{-sure}; most words are hopeless for all."""
    g = torch.Generator().manual_seed(seed)
    weight = torch.randn(words, width, generator=g)
    weight = weight / weight.norm(dim=1, keepdim=True)
    target = torch.randint(words // 8, (tokens,), generator=g)
    hidden = sure * 4 * weight[target]
    return hidden.requires_grad_(), weight.requires_grad_(), target


def gradients(loss, leaves):
    return torch.autograd.grad(loss, leaves)


def relative(got, want):
    return float((got - want).norm() / want.norm())


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_the_default_filter_keeps_a_penalty_on_certain_tokens(scale):
    """CCE's rule looks at p − 1[v = y], which is 0 here, before this gradient is added."""
    hidden, weight, target = confident()

    def run(**more):
        found = scan(hidden, Head(weight), target, {"log_prob", "lse"}, backend="triton", **more)
        loss = (-found["log_prob"] + 1e-4 * found["lse"] ** 2).mean() * scale
        return found["log_prob"], gradients(loss, (hidden, weight))

    log_prob, exact = run()
    assert float(log_prob.detach().exp().min()) > 0.999
    for got, want in zip(run(filter_eps="auto")[1], exact, strict=True):
        assert relative(got, want) < 2e-3


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_auto_drops_the_same_whatever_the_loss_is_multiplied_by(scale):
    hidden, weight, target = confident(sure=3.0)
    found = scan(hidden, Head(weight), target, {"log_prob"}, backend="triton", filter_eps="auto")
    ours = gradients(-found["log_prob"].sum() * scale, (hidden, weight))
    once = scan(hidden, Head(weight), target, {"log_prob"}, backend="triton", filter_eps="auto")
    for a, b in zip(ours, gradients(-once["log_prob"].sum(), (hidden, weight)), strict=True):
        torch.testing.assert_close(a / scale, b, rtol=1e-4, atol=1e-6)


def tiles_kept(monkeypatch, **more):
    """How many tiles of a backward sweep were not dropped, of how many."""
    seen = []
    plain = _products._lists

    def counted(live):
        seen.append((int(live.sum()), live.numel()))
        return plain(live)

    monkeypatch.setattr(_products, "_lists", counted)
    g = torch.Generator().manual_seed(0)
    hidden, weight = (torch.randn(n, 16, generator=g) for n in (32, 1024))
    often = torch.randperm(1024, generator=g)[:64]
    hidden[:, 0], weight[:, 0], weight[often, 0] = 5.0, -1.0, 2.0
    target = often[torch.randint(64, (32,), generator=g)]
    hidden.requires_grad_()
    weight.requires_grad_()
    found = scan(hidden, Head(weight), target, {"log_prob"}, backend="triton", **more)
    (-found["log_prob"].sum()).backward()
    monkeypatch.undo()
    return tuple(map(sum, zip(*seen, strict=True)))


def test_sorted_words_share_tiles(monkeypatch):
    """The words that are ever likely come first, wherever their ids lie."""
    kept, every = tiles_kept(monkeypatch, filter_eps=1e-3)
    monkeypatch.setattr(_backward._Run, "_order", lambda self: torch.randperm(1024).to(torch.int32))
    scattered, _ = tiles_kept(monkeypatch, filter_eps=1e-3)
    assert 0 < kept < scattered < every


def test_a_number_is_compared_as_it_stands():
    hidden, weight, target = confident(sure=3.0)

    def run(eps):
        found = scan(hidden, Head(weight), target, {"log_prob"}, backend="triton", filter_eps=eps)
        return gradients(-found["log_prob"].sum(), (hidden, weight))

    for got, want in zip(run(1e-12), run(None), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)
    assert all(g.abs().max() == 0 for g in run(2.0))


def test_sums_of_all_logits_are_never_filtered():
    """With a softcap they are summed in the sweep; each gradient is small and none may go."""
    hidden, weight, target = confident()
    head = Head(weight, softcap=50.0)

    def run(eps):
        found = scan(hidden, head, target, {"sum_logit"}, backend="triton", filter_eps=eps)
        return gradients(found["sum_logit"].sum() * 1e-3, (hidden, weight))

    for got, want in zip(run(0.5), run(None), strict=True):
        assert torch.equal(got, want)


@pytest.mark.filterwarnings("ignore:All-NaN slice encountered:RuntimeWarning")
def test_what_is_no_number_is_not_small():
    hidden, weight, target = confident()
    with torch.no_grad():
        hidden[3] = torch.nan
    found = scan(hidden, Head(weight), target, {"log_prob"}, backend="triton", filter_eps=0.5)
    assert found["log_prob"].isnan().nonzero().tolist() == [[3]]
    assert gradients(found["log_prob"].sum(), weight)[0].isnan().all()


@pytest.mark.parametrize("filtered", [False, True])
def test_the_same_run_twice_has_the_same_bits(filtered):
    hidden, weight, target = confident(sure=1.0)

    def run():
        eps = "auto" if filtered else None
        found = scan(hidden, Head(weight), target, {"log_prob", "entropy"}, backend="triton",
                     filter_eps=eps)  # fmt: skip
        loss = (found["entropy"] - found["log_prob"]).sum()
        return [found["log_prob"], *gradients(loss, (hidden, weight))]

    assert all(torch.equal(a, b) for a, b in zip(run(), run(), strict=True))


def test_the_drop_in_filters_on_a_card_only():
    from likely.vocab._cut_cross_entropy import way_of

    card, here = torch.device("cuda"), torch.device("cpu")
    assert way_of("cce", "auto", True, card) == ("auto", "auto")
    assert way_of("cce", "auto", True, here) == ("auto", None)
    assert way_of("cce_exact", "auto", True, card) == ("auto", None)
    assert way_of("triton", None, True, card) == ("triton", None)
    hidden, weight, target = confident()
    ours = linear_cross_entropy(hidden, weight, target, impl="triton")
    want = torch.nn.functional.cross_entropy(hidden @ weight.T, target)
    torch.testing.assert_close(ours, want, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("objective", ["cross_entropy", "focal(gamma=2)", "emo", "dpop"])
@pytest.mark.parametrize("name", ["gemma2", "cohere"])
def test_a_model_on_a_card_takes_it_by_itself(monkeypatch, name, objective):
    """As `auto` chooses there; any objective, without its logits."""
    model, batch = tiny(name), micro_batches(1)[0]
    if objective == "dpop":
        rows = batch["input_ids"].shape[0] // 2 * 2
        batch = {k: v[:rows] for k, v in batch.items()}
        reference = torch.full(batch["input_ids"].shape, -3.0)
        pair = torch.arange(rows).view(-1, 2)
        batch |= {"reference_log_prob": reference, "pair": pair}
    expected = lm_loss(model, batch, objective)
    expected.backward()
    known = gradients_of(model)
    model.zero_grad()
    ran = []
    monkeypatch.setattr("likely.vocab._prepared.HOLD_BYTES", 0)
    monkeypatch.setattr("likely.vocab._prepared.engine_of", lambda device: "triton")
    plain = _triton.backward
    monkeypatch.setattr(_triton, "backward", lambda *a: ran.append(1) or plain(*a))
    loss = lm_loss(model, batch, objective)
    loss.backward()
    assert ran
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    assert furthest(gradients_of(model), known) < 1e-4


def test_it_is_an_operator_of_torch():
    hidden, weight, target = confident(tokens=5, words=23, width=4)
    asked = prepare(
        hidden, Head(weight), target, {"log_prob", "entropy", "rank", "top"}, {},
        backend="triton", block=None, schedule="auto", compiled=False, filter_eps=None,
    )  # fmt: skip
    ((_, how),) = asked.groups
    arguments = (asked.tensors, _operators.key_of(asked.spec, how))
    # Its gradients are float32 sums, and the generic check takes them exactly.
    tests = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(torch.ops.likely.sweep.default, arguments, test_utils=tests)


def test_the_fastest_tile_is_kept(monkeypatch):
    took = {_choose.NARROW[0]: 3.0, _choose.NARROW[1]: float("inf")}
    monkeypatch.setattr(_choose, "interpreted", lambda: False)
    monkeypatch.setattr(_choose, "_FASTEST", {})
    monkeypatch.setattr(_choose, "_milliseconds", lambda run, tile: took.get(tile, 5.0))
    for _ in range(2):
        assert _choose.fastest("key", torch.bfloat16, lambda tile: None) == _choose.NARROW[0]
        took.clear()  # Not tried again.
    assert _choose.fastest("other", torch.float32, lambda tile: None) in _choose.WIDE


class Live(TorchDispatchMode):
    """The most bytes that tensors made in here take at one time."""

    def __init__(self):
        super().__init__()
        self.now = self.most = 0
        self.seen = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        import weakref

        out = func(*args, **(kwargs or {}))
        given = {id(a.untyped_storage()) for a in args if isinstance(a, torch.Tensor)}
        for t in out if isinstance(out, tuple | list) else (out,):
            if not isinstance(t, torch.Tensor):
                continue
            storage = t.untyped_storage()
            key = storage.data_ptr()
            if id(storage) in given or key in self.seen:
                continue
            size = storage.nbytes()
            self.seen[key] = size
            self.now += size
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._gone, key)
        return out

    def _gone(self, key):
        self.now -= self.seen.pop(key, 0)


@pytest.mark.parametrize("tokens", [1, 100, 8192, 16384, 65536])
@pytest.mark.parametrize("words", [50, 128_256, 256_000])
def test_processors_are_seldom_idle(tokens, words):
    row_tiles, word_tiles = -(-tokens // 128), -(-words // 128)
    splits, each = _forward.shares(row_tiles, word_tiles, 132)
    assert (splits - 1) * each < word_tiles <= splits * each
    waves = -(-row_tiles * splits // 132)
    if row_tiles * word_tiles > 1000:
        assert row_tiles * word_tiles / (waves * each * 132) > 0.94


@pytest.mark.parametrize("eps", [None, "auto"])
def test_what_is_held_besides_the_gradients(monkeypatch, eps):
    """One float32 [N, D] and 64 MiB, at a length and vocabulary where it counts; nothing is run."""
    tokens, words, width = 8192, 20_000, 1024
    hidden = torch.zeros(tokens, width, dtype=torch.bfloat16, requires_grad=True)
    weight = torch.zeros(words, width, dtype=torch.bfloat16, requires_grad=True)
    asked = prepare(
        hidden, Head(weight), torch.zeros(tokens, dtype=torch.int64), {"log_prob", "entropy"}, {},
        backend="triton", block=None, schedule="auto", compiled=False, filter_eps=eps,
    )  # fmt: skip
    ((_, how),) = asked.groups
    problem = Problem(asked.spec, how, asked.tensors)
    monkeypatch.setattr(_choose, "TINY", (_choose.Tile(128, 128, 64, 8, 3),))
    # On a card the gradient on products has the products' dtype.
    monkeypatch.setattr(_backward, "interpreted", lambda: False)
    monkeypatch.setattr(_products, "accumulate", lambda total, *_: total)
    monkeypatch.setattr(torch, "mm", lambda *a, out: out)

    class Idle:
        arg_names = ()

        def __getitem__(self, grid):
            return lambda *a, **k: None

    for name in ("to_rows", "to_words"):
        monkeypatch.setattr(f"likely.vocab._triton._tiles.{name}", Idle())
    plain = _write_backward.backward

    def idle(*arguments):
        found = plain(*arguments)
        return _write_backward.Backward(Idle(), found.source, found.by_word, found.by_row)

    monkeypatch.setattr(_write_backward, "backward", idle)
    shifts = [torch.zeros(tokens)]
    states = [torch.ones(tokens) for one in asked.spec.sums for _ in range(one.width)]
    grads = [torch.ones(tokens) for _ in states]
    needs = [t.requires_grad for t in asked.tensors]
    with Live() as live, torch.no_grad():
        found = _backward.backward(problem, shifts, states, grads, needs)
    gradients_take = sum(g.numel() * g.element_size() for g in found if g is not None)
    assert live.most - gradients_take <= 4 * tokens * width + 64 * 2**20
    # The counter counts.
    assert live.most - gradients_take > 40 * 2**20


def compiled(*arguments):
    child = Path(__file__).with_name("compile_child.py")
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, str(child), *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


SHARED = {80: 163 * 1024, 90: 227 * 1024}
"""Bytes of shared memory that a program may have."""


def check(found, kernels):
    assert {one["kernel"] for one in found} == kernels
    for one in found:
        assert one["shared"] <= SHARED[one["capability"]], one
        assert one["pipelined"], one
        assert one["tensor_cores"] or one["factors"] == "*fp32", one


def test_kernels_compile_for_cards_that_are_not_here():
    """The interpreter forgives what the compiler does not."""
    found = compiled("90", "bfloat16", "log_prob,entropy", "1")
    check(found, {"forward", "backward", "to_rows", "to_words"})


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_kernels_of_all_statistics_compile(dtype):
    found = compiled("80,90", dtype, "all", "1")
    check(found, {"forward", "backward"})


@pytest.mark.slow
def test_kernels_with_products_of_their_own_compile():
    found = compiled("80,90", "bfloat16", "log_prob,rank,mass_above,expect_lowrank,gather", "1")
    check(found, {"forward", "backward", "to_rows", "to_words"})


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["1,1,1", "1,3,17", "129,257,129"])
def test_odd_shapes_compile(shape):
    """What is 1 is a constant for the compiler, and nothing else here is a multiple of 16."""
    found = compiled("90", "bfloat16", "log_prob,entropy,rank,top,gather", "1", shape)
    assert {one["kernel"] for one in found} == {"forward", "backward", "to_rows", "to_words"}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_every_tile_compiles(dtype):
    found = compiled("80,90", dtype, "log_prob,entropy", "9")
    check(found, {"forward", "backward", "to_rows", "to_words"})
