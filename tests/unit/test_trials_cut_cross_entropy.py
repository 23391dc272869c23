"""The trial of Cut Cross-Entropy: what it measures, and that its meters tell right from wrong."""

import re
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from likely.core.errors import BadSetting
from likely.core.head import Head
from likely.data.corpus import Corpus, Document
from likely.data.split import Split
from likely.train.trials import _cut, _cut_training
from likely.train.trials import cut_cross_entropy as trial_module
from likely.train.trials._cut import cut, errors, in_order
from likely.train.trials._dropped import certain, dropped, small_blocks
from likely.train.trials._peak_memory import growth, peak_bytes
from likely.train.trials.cut_cross_entropy import cut_cross_entropy

TINY = {"width": 8, "rows": 1, "pretraining_steps": 2, "steps": 6, "filter_eps": 0.03}
EPS = 2.0**-12


@pytest.fixture
def small(monkeypatch):
    """Invented prose in place of the docstrings, which take seconds to read."""
    text = "".join(f"The value number {i} is returned as {i % 7} was given.\n" for i in range(300))
    rng = np.random.default_rng(0)
    rare = ("".join(rng.choice(list("bcdefglmnrstaeiou"), 6)) for _ in range(1200))
    # Each rare word stands there twice in a row, so that it becomes an id nobody expects elsewhere.
    rare = Document("rare", "".join(f" {word} {word}" for word in rare))
    parts = [Corpus(n, (*(Document(f"{n}{i}", text) for i in range(9)), rare)) for n in "tvh"]
    split = Split(*parts, clusters={})
    for module in (_cut_training, trial_module):
        monkeypatch.setattr(module, "docstrings", lambda: split)
    monkeypatch.setattr(trial_module, "_JUDGED", 600)
    monkeypatch.setattr(trial_module, "HELD", 2**12)
    fewer = partial(growth, tokens=64, width=4, few=512)
    monkeypatch.setattr(trial_module, "growth", fewer)
    caches = (_cut_training.text_of, _cut_training._pretrained, _cut_training.tuned)
    for one in caches:
        one.cache_clear()
    yield
    for one in caches:
        one.cache_clear()


def problem(tokens=300, words=700, width=12, sharp=3.0, seed=0):
    rng = torch.Generator().manual_seed(seed)
    hidden, weight = (torch.randn(n, width, generator=rng) for n in (tokens, words))
    # Later words are rarer, so that their blocks can be dropped.
    weight *= 0.3
    weight[:, 0] = torch.linspace(1, -3, words)
    hidden[:, 0] = hidden[:, 0].abs() + sharp
    targets = torch.randint(40, (tokens,), generator=rng)
    return hidden, weight, targets


def test_measures_are_those_documented_and_the_same_again(small):
    arms = {
        f: cut_cross_entropy(3, filtered=f, **TINY) for f in ("nothing", "tuning", "everything")
    }
    for found in arms.values():
        for name in found:
            bare = re.sub("^(made_up_|(dense|fused)_(?=memory))", "", name)
            assert f"`{bare}`" in cut_cross_entropy.__doc__
        assert len(found["training_loss"]) == 6
        assert found["relative_error"] < 1e-5
        assert found["memory_growth"] < 1.25
        assert 6 < found["dense_memory_growth"] < 9
    exact, tuning, everything = (np.array(a["training_loss"]) for a in arms.values())
    assert arms["nothing"]["curve_distance"] == 0
    # The filter of this test is rough, so that it shows; the first step of tuning is before it.
    assert tuning[0] == pytest.approx(exact[0], abs=1e-6)
    assert everything[0] != exact[0]
    window = np.convolve(tuning - exact, np.ones(5) / 5, "valid")
    assert arms["tuning"]["curve_distance"] == pytest.approx(np.abs(window).max())
    assert arms["tuning"]["curve_distance"] > 1e-5
    _cut_training.tuned.cache_clear()
    _cut_training._pretrained.cache_clear()
    assert cut_cross_entropy(3, filtered="tuning", **TINY) == arms["tuning"]
    assert cut_cross_entropy(4, **TINY)["training_loss"] != arms["nothing"]["training_loss"]


def test_training_is_that_of_logits(small):
    """One step of the trial against one of `F.cross_entropy` on all logits."""
    found = cut_cross_entropy(5, **{**TINY, "steps": 1, "pretraining_steps": 1})
    setting = _cut_training.Setting(5, 16_384, 8, 1, 1, 1, 4e-3, 1e-3)
    reader, _ = _cut_training.tuned(setting, None, None)
    begun = _cut_training._pretrained(setting, None)
    batch = _cut_training.plan_of(setting).batch(1)
    hidden, head = begun.hidden(batch)
    loss = F.cross_entropy(hidden @ head.weight.T, batch.target, reduction="none")
    mean = (loss * batch.weight).sum() / batch.weight.sum()
    assert found["training_loss"] == [pytest.approx(mean.item(), rel=1e-5)]
    mean.backward()
    # AdamW's first step has the size of the rate, against the sign of the gradient.
    after = dict(reader.named_parameters())
    for name, before in begun.named_parameters():
        some = before.grad.abs() > 1e-4
        moved = (after[name] - before).detach()[some]
        assert (moved.sign() == -before.grad[some].sign()).float().mean() > 0.98, name


def test_order_changes_nothing_but_the_order():
    hidden, weight, targets = problem()
    head, place = in_order(hidden, Head(weight), targets)
    assert torch.equal(head.weight[place], weight[targets])
    means = (head.weight @ hidden.mean(0)).tolist()
    assert means == sorted(means, reverse=True)
    torch.testing.assert_close(cut(hidden, Head(weight), targets), cut(hidden, head, place))


def test_the_meter_of_errors_sees_a_wrong_gradient(monkeypatch):
    hidden, weight, targets = problem()
    right = errors(hidden, weight, targets, EPS)
    assert (
        right["relative_error"]
        == max(right[f"{n}_error"] for n in ("loss", "hidden", "weight"))
        < 2e-6
    )
    assert right["float64_error"] < 5e-6
    assert right["dense_float64_error"] < 5e-6
    plain = _cut._ours

    def wrong(leaves, targets, eps):
        loss, *grads = plain(leaves, targets, eps)
        grads[1][7, 3] += 1e-3 * grads[1].abs().max()
        return [loss, *grads]

    monkeypatch.setattr(_cut, "_ours", wrong)
    assert errors(hidden, weight, targets, EPS)["relative_error"] == pytest.approx(1e-3, rel=0.01)


def test_what_the_meter_says_is_dropped_is_what_the_engine_drops():
    hidden, weight, targets = problem()
    leaves = [t.clone().requires_grad_() for t in (hidden, weight)]
    logits = (leaves[0] @ leaves[1].T).detach()
    grad = logits.softmax(-1) - F.one_hot(targets, len(weight))
    gone = small_blocks(grad, EPS)
    assert 0.1 < gone.float().mean() < 0.9
    kept = grad.masked_fill(gone, 0)
    values = cut(leaves[0], Head(leaves[1]), targets, filter_eps=EPS)
    to_hidden, to_weight = torch.autograd.grad(values.sum(), leaves)
    torch.testing.assert_close(to_hidden, kept @ weight, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(to_weight, kept.T @ hidden, rtol=1e-4, atol=1e-5)
    assert (to_weight == 0).all(1).any()
    found, lost = dropped(hidden, weight, targets, EPS), errors(hidden, weight, targets, EPS)
    assert found["dropped_blocks_by_id"] == gone[::128, ::256].float().mean()
    assert 0 < found["dropped_blocks"] <= 1
    assert found["small_entries"] >= found["dropped_blocks"] * 0.9
    assert 0 < lost["weight_filter_error"] < 0.05


def test_the_gradient_of_a_z_loss_goes_with_certain_tokens_where_the_loss_alone_decides():
    found = dropped(*certain(0), EPS)
    assert found["certain_tokens"] == found["dropped_blocks"] == 1
    assert found["z_gradient_lost_by_loss"] == 1
    assert found["z_gradient_lost_by_whole"] < 0.01
    uncertain = dropped(*problem(), EPS)
    assert uncertain["certain_tokens"] < 0.5
    assert uncertain["z_gradient_lost_by_loss"] < 0.5


def test_peak_memory_is_what_was_alive_at_once_but_stays_not():
    def run():
        first = torch.zeros(1000)
        second = first + 1
        del first
        third = second * 2
        del second
        return third

    assert peak_bytes(run) == pytest.approx(4000, abs=100)
    assert peak_bytes(lambda: torch.zeros(1000)) == pytest.approx(0, abs=100)


def test_growth_tells_flat_from_proportional():
    def flat(hidden, weight, targets):
        for start in range(0, len(weight), 64):
            (hidden @ weight[start : start + 64].detach().T).sum().backward()

    def whole(hidden, weight, targets):
        (hidden @ weight.T).logsumexp(-1).sum().backward()

    size = {"tokens": 64, "width": 8, "few": 256}
    assert growth(flat, **size)[0] == pytest.approx(1, abs=0.1)
    assert growth(whole, **size)[0] == pytest.approx(8, rel=0.15)


def test_settings_are_checked():
    with pytest.raises(BadSetting, match="filter_eps"):
        cut_cross_entropy(0, filter_eps=0.0)
