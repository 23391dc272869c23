"""Mixtures: the weighted mean of probabilities, and weights no other weights beat."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from likely.core.batch import Batch
from likely.core.errors import BadInput, BadSetting
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.tokens import encode
from likely.decode._generate import generate
from likely.models._weights import fit_weights
from likely.models.feed_forward import feed_forward
from likely.models.load import load
from likely.models.mixture import Mixture, mixture
from likely.models.ngram import sweep
from likely.models.transformer import transformer

BYTES = Vocabulary.of_bytes()


def text(*documents):
    return encode(Corpus("c", tuple(Document(str(i), t) for i, t in enumerate(documents))), BYTES)


@pytest.fixture(scope="module")
def members():
    train = text("the cat sat on the mat. the dog sat on the log.", "a cat and a dog. " * 4)
    counted = sweep(train, text("the cat and the dog sat."), [1, 3])
    small = transformer(BYTES, layers=1, width=16, heads=2, context=16)
    return [*counted.values(), feed_forward(BYTES, context=3, embedding=4, width=8), small]


@pytest.fixture(scope="module")
def mixed(members):
    return Mixture(members, [0.4, 0.3, 0.2, 0.1])


def test_probabilities_are_the_weighted_mean(members, mixed):
    batch = Batch.of(torch.randint(257, (3, 12)), torch.randint(257, (3, 12)))
    with torch.no_grad():
        ours = mixed.logits(batch).double().exp()
        mean = sum(
            w * m.logits(batch).double().softmax(-1)
            for w, m in zip(mixed.weights, members, strict=True)
        )
    torch.testing.assert_close(ours, mean, rtol=1e-5, atol=1e-9)
    # Logits are float32: their sum is 1 to that many digits.
    torch.testing.assert_close(ours.sum(-1), torch.ones(36, dtype=torch.float64), rtol=0, atol=2e-6)


def test_its_statistics_are_those_of_any_reader(mixed):
    batch = Batch.of(torch.randint(257, (1, 9)), torch.randint(257, (1, 9)))
    with torch.no_grad():
        stats = mixed.read(batch, ("log_prob", "entropy"))
        log_p = mixed.logits(batch).double().log_softmax(-1)
    expected = log_p.gather(1, batch.target[:, None])[:, 0]
    torch.testing.assert_close(stats["log_prob"].double(), expected, rtol=1e-5, atol=1e-5)
    entropy = -(log_p.exp() * log_p).sum(-1)
    torch.testing.assert_close(stats["entropy"].double(), entropy, rtol=1e-5, atol=1e-5)


def test_a_corpus_is_judged_as_the_mean_of_the_members(members, mixed):
    tokens = text("the cat sat.", "on the log. a dog and a cat.", "")
    found, _ = mixed.judge(tokens, length=64)
    each = np.stack([m.judge(tokens, length=64)[0] for m in members])
    np.testing.assert_allclose(found, np.log(mixed.weights @ np.exp(each)), rtol=1e-5)


def test_steps_equal_one_reading(mixed):
    ids = torch.randint(256, (2, 8))
    ids[:, 0] = BYTES.bos
    with torch.no_grad():
        whole = mixed.logits(Batch.of(ids, ids)).view(2, 8, -1)
        state = mixed.start(2)
        first, state = mixed.step(state, ids[:, :5])
        second, state = mixed.step(state, ids[:, 5:6])
    torch.testing.assert_close(first, whole[:, 4], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(second, whole[:, 5], rtol=1e-4, atol=1e-4)


def test_saved_and_loaded_it_is_the_same(mixed, tmp_path):
    mixed.save(tmp_path / "mixed")
    again = load(tmp_path / "mixed")
    assert again.kind == "mixture"
    assert [m.kind for m in again.members] == [m.kind for m in mixed.members]
    tokens = text("the cat sat on a log")
    np.testing.assert_array_equal(again.judge(tokens)[0], mixed.judge(tokens)[0])
    assert generate(again, ["the"], max_new_tokens=5) == generate(mixed, ["the"], max_new_tokens=5)


def test_fitted_on_text_it_is_at_least_as_good_there_as_every_member(members):
    tokens = text("the dog sat on the mat, and a cat.")
    model = mixture(members, tokens)
    each = [m.judge(tokens)[0].mean() for m in members]
    assert model.judge(tokens)[0].mean() >= max(each) - 2e-6
    assert model.weights.sum() == pytest.approx(1)


@given(
    st.integers(1, 4).flatmap(
        lambda k: st.lists(
            st.lists(st.floats(-20, 0), min_size=k, max_size=k), min_size=1, max_size=30
        )
    )
)
def test_no_other_weights_are_better(rows):
    log_prob = np.array(rows).T
    weights = fit_weights(log_prob)

    def loss(free):
        return -np.log(np.maximum(free @ np.exp(log_prob), 1e-300)).mean()

    count = len(log_prob)
    best = minimize(
        loss,
        np.full(count, 1 / count),
        bounds=[(0, 1)] * count,
        constraints={"type": "eq", "fun": lambda free: free.sum() - 1},
        method="SLSQP",
    )
    assert loss(weights) <= best.fun + 2e-6


def test_a_member_without_weight_is_not_asked(members):
    class Silent(type(members[2])):
        def hidden(self, batch):
            raise AssertionError

    silent = Silent(BYTES, 3, 4, 8, False)
    model = Mixture([members[0], silent], [1.0, 0.0])
    assert np.isfinite(model.judge(text("cat"))[0]).all()


def test_members_are_read_without_dropout_and_left_as_they_were(members):
    learning, still = members[2].train(), members[3].eval()
    seen = []
    hook = learning.register_forward_pre_hook(lambda module, _: seen.append(module.training))
    model = Mixture([Mixture([learning, members[0]], [0.5, 0.5]), still], [0.5, 0.5])
    assert model.parts == (learning, members[0], still)
    inner = learning.layer.register_forward_pre_hook(lambda m, _: seen.append(m.training))
    model.judge(text("the cat"))
    hook.remove()
    inner.remove()
    assert seen
    assert not any(seen)
    assert learning.training
    assert not still.training
    learning.eval()


def test_no_member_reads_more_than_it_can(members):
    counted, short = members[0], members[-1]
    long = transformer(BYTES, layers=1, width=16, heads=2, context=512)
    assert (short.longest, counted.longest) == (16, None)
    assert Mixture([counted, short], [0.5, 0.5]).window == 16
    assert Mixture([counted, long], [0.5, 0.5]).window == 512
    both = Mixture([long, counted, short], [0.4, 0.4, 0.2])
    assert (both.window, both.longest) == (16, 16)
    assert Mixture([counted], [1.0]).longest is None


def test_mistakes_are_sentences(members, untyped):
    with pytest.raises(BadSetting, match="at least one member"):
        mixture([], text("a"))
    with pytest.raises(BadSetting, match="sum to 1"):
        Mixture(members[:2], [0.5, 0.6])
    with pytest.raises(BadInput, match="no tokens"):
        mixture(members, text().select([]))
    other = Vocabulary((b"a", b"b", b""), 2, 2, frozenset({2}))
    stranger = feed_forward(other, context=1, embedding=1, width=1)
    with pytest.raises(BadInput, match="different vocabularies"):
        Mixture([members[0], stranger], [0.5, 0.5])


@pytest.mark.slow
def test_on_the_embedded_corpus_it_is_below_every_member(tmp_path):
    """By more than chance: the whole 95 % interval of each difference lies above 0."""
    from likely.apps._pieces import pieces
    from likely.audit.likelihood import difference, likelihood
    from likely.data.embedded import embedded
    from likely.data.split import split
    from likely.train.loop import run
    from likely.train.recipe import Optimizer, Recipe, Schedule

    parts = split(embedded())
    train = encode(pieces(parts.train, 1_000_000), BYTES)
    validation, held_out = (
        encode(pieces(part, 200_000), BYTES) for part in (parts.validation, parts.held_out)
    )
    recipe = Recipe(
        model="transformer(layers=2, width=96, heads=2, context=128)",
        steps=500,
        length=128,
        rows=8,
        schedule=Schedule(warmup=20),
        optimizer=Optimizer("muon", lr=0.012),
    )
    trained = run(recipe, folder=tmp_path / "run", tokens=train, device="cpu").model
    counted = sweep(train, validation, [5], smoothing="kneser_ney")[5]
    members = [trained, counted]
    mixed = mixture(members, validation)
    assert min(mixed.weights) > 0.02
    whole = likelihood(mixed, held_out)
    for member in members:
        more, low, _ = difference(whole, likelihood(member, held_out))
        assert more > 0.01
        assert low > 0
