"""The n-gram against dictionaries and loops."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from likely.core.batch import Batch
from likely.core.errors import BadInput, BadSetting, ShapeError
from likely.core.vocabulary import Vocabulary
from likely.data.tokens import Tokens
from likely.models._corpus import judged
from likely.models._fit import Fit, discounts
from likely.models._ngram import NGram
from likely.models._smoothing import Mixture
from likely.models._tabulate import stream, tabulate
from likely.models._walk import trace, walk
from likely.models.ngram import _check, judge, load, ngram, sweep

BOS = "^"  # opens a document in the oracle; its id and that of EOS are the same
SMALL = Vocabulary((b"a", b"b", b"c", b""), bos=3, eos=3, special=frozenset({3}))
APART = Vocabulary((b"a", b"b", b"c", b"", b""), bos=3, eos=4, special=frozenset({3, 4}))

texts = st.lists(st.text("abc", max_size=24), min_size=1, max_size=5)


def tokens(documents, vocabulary=SMALL):
    ids = [[*(vocabulary.bytes_of.index(bytes([b])) for b in d.encode()), vocabulary.eos]
           for d in documents]  # fmt: skip
    return Tokens(
        ids=np.array([i for document in ids for i in document], np.int32),
        offsets=np.cumsum([0, *map(len, ids)]).astype(np.int64),
        names=tuple(str(m) for m in range(len(documents))),
        domains=tuple("a" for _ in documents),
        byte_lengths=np.array([len(d) for d in documents], np.int64),
        vocabulary=vocabulary,
    )


class Oracle:
    """Counts in dictionaries; BOS is a symbol of its own."""

    def __init__(self, train, mixture):
        self.mixture = mixture
        self.count, left = Counter(), set()
        for m, ids in enumerate(train):
            text = [BOS, *ids]
            for i in range(1, len(text)):
                for k in range(1, mixture.order + 1):
                    if i - k + 1 < 0:
                        continue
                    gram = tuple(text[i - k + 1 : i + 1])
                    self.count[gram] += 1
                    # a gram that opens a document has no token before it: each time counts once
                    left.add((gram, (m, "open") if i - k < 0 else text[i - k]))
        self.left = Counter(gram for gram, _ in left)

    def probability(self, context, word):
        p = 1 / self.mixture.size
        for k in range(self.mixture.order):
            if k > len(context):
                break
            table = self.left if self.mixture.left(k) else self.count
            c = tuple(context[len(context) - k :])
            after = [table[(*c, w)] for w in range(self.mixture.size)]
            n, setting = sum(after), self.mixture.settings[k]
            if not n:
                continue
            if self.mixture.smoothing == "dirichlet":
                p = (after[word] + setting[0] * p) / (n + setting[0])
            else:
                lost = [0.0, *setting]
                gamma = sum(lost[min(x, 3)] for x in after) / n
                p = (after[word] - lost[min(after[word], 3)]) / n + gamma * p
        return p


def documents_of(t):
    return [t.ids[a:b].tolist() for a, b in zip(t.offsets[:-1], t.offsets[1:], strict=True)]


rows = st.one_of(
    st.lists(st.tuples(st.floats(0.1, 1000)), min_size=1, max_size=5),
    st.lists(st.tuples(*(st.floats(0.01, r) for r in (1, 2, 3))), min_size=1, max_size=5),
)


def model_of(rows, documents, vocabulary=SMALL):
    smoothing = "dirichlet" if len(rows[0]) == 1 else "kneser_ney"
    train = tokens(documents, vocabulary)
    counts = tabulate(train, len(rows), left=smoothing == "kneser_ney")
    return NGram(vocabulary, counts, Mixture(smoothing, np.array(rows), vocabulary.size)), train


def batch_of(t):
    """Every document a segment, with padding behind."""
    ids, opens = stream(t)
    reads = np.flatnonzero(~opens) - 1
    document = np.cumsum(opens)[reads] - 1
    n = len(reads)
    column = lambda x, pad: torch.tensor([*x, pad, pad])  # noqa: E731
    return Batch(
        ids=column(ids[reads].tolist(), 0),
        target=column(t.ids.tolist(), 0),
        segment=column(document.tolist(), -1),
        position=torch.arange(n + 2),
        weight=torch.ones(n + 2),
        document=column(document.tolist(), -1),
    )


@given(rows, texts, texts, st.sampled_from([SMALL, APART]))
@settings(max_examples=60, deadline=None)
def test_it_equals_dictionaries(rows, documents, text, vocabulary):
    model, train = model_of(rows, documents, vocabulary)
    held_out = tokens(text, vocabulary)
    oracle = Oracle(documents_of(train), model.mixture)
    expected, correct = [], []
    for ids in documents_of(held_out):
        for i, word in enumerate(ids):
            row = [oracle.probability([BOS, *ids[:i]], w) for w in range(vocabulary.size)]
            np.testing.assert_allclose(sum(row), 1, atol=1e-12)
            expected.append(row)
            correct.append(row[word] >= max(row) - 1e-12)
    expected = np.array(expected)
    target = expected[np.arange(len(expected)), held_out.ids]
    np.testing.assert_allclose(model.log_prob(held_out), np.log(target), atol=1e-10)
    batch = batch_of(held_out)
    rows = model.probabilities(batch).numpy()
    np.testing.assert_allclose(rows[:-2], expected, atol=1e-12)
    np.testing.assert_allclose(rows[-2:], 1 / vocabulary.size)
    np.testing.assert_allclose(rows.sum(1), 1, atol=1e-12)
    logits = model.logits(batch)
    assert logits.dtype == torch.float32
    np.testing.assert_allclose(logits.exp().numpy(), rows, atol=1e-6)
    # ties that the oracle's own rounding splits are the only licence
    ours = model.correct(held_out)
    ties = np.sort(expected, 1)
    clear = ties[:, -1] - ties[:, -2] > 1e-12
    assert (ours == np.array(correct))[clear].all()


@given(rows, texts, st.text("abc", min_size=1, max_size=20), st.data())
@settings(max_examples=40, deadline=None)
def test_steps_equal_one_reading(rows, documents, text, data):
    model, _ = model_of(rows, documents)
    ids = torch.tensor([[3, *("abc".index(c) for c in text)]] * 2)
    whole = model.probabilities(Batch.of(ids, ids)).log().reshape(2, -1, SMALL.size)
    state, done = model.start(2), 0
    while done < ids.shape[1]:
        more = data.draw(st.integers(1, ids.shape[1] - done))
        logits, state = model.step(state, ids[:, done : done + more])
        done += more
        torch.testing.assert_close(logits, whole[:, done - 1].float())
    assert state.shape == (2, model.order - 1)


@given(texts, texts, st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_a_context_seen_once_is_a_place_and_nothing_is_lost(train, text, order):
    train, held_out = tokens(train), tokens(text)
    counts = tabulate(train, order, left=True)
    full, left = Counter(), {}
    for m, ids in enumerate(documents_of(train)):
        row = [BOS, *ids]
        for i in range(1, len(row)):
            for k in range(1, min(order, i + 1) + 1):
                gram = tuple(row[i - k + 1 : i + 1])
                full[gram] += 1
                left.setdefault(gram, set()).add(row[i - k] if i >= k else (m, "open"))
    for k in range(1, order + 1):
        level = counts.levels[k - 1]
        for values, seen in zip(
            (full.values(), [len(left[g]) for g in full]), level.seen, strict=True
        ):
            sizes = Counter(v for g, v in zip(full, values, strict=True) if len(g) == k)
            assert [sizes[r] for r in (1, 2, 3, 4)] == seen.tolist()
    ids, opens = stream(held_out)
    grams = trace(counts, ids[:-1].astype(np.int64), opens[:-1], order)
    for m, document in enumerate(documents_of(held_out)):
        row, at = [BOS, *document], int(np.flatnonzero(opens)[m])
        for i in range(1, len(row)):
            for k in range(1, min(order, i + 1) + 1):
                gram, state = tuple(row[i - k + 1 : i + 1]), grams[k - 1][at + i : at + i + 1]
                assert counts.levels[k - 1].count_of(state) == full[gram]
                assert counts.levels[k - 1].count_of(state, left=True) == len(left.get(gram, ()))
                if k > i + 1:
                    assert state == -1


def test_places_are_stored_only_below_contexts_that_occur_twice():
    counts = tabulate(tokens(["abcabc", "ccab"]), 4, left=False)
    for shorter, longer in zip(counts.levels[1:], counts.levels[2:], strict=False):
        assert len(longer.first) == len(shorter.count) + 1
        assert (shorter.count > 1).all()
        assert (np.diff(longer.keys.astype(np.int64)) > 0).all()


def english(count, seed):
    rng = np.random.default_rng(seed)
    words = ["the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "tree", "and", "then"]
    weight = 1 / np.arange(1, len(words) + 1)
    return [
        " ".join(rng.choice(words, size=40, p=weight / weight.sum())) + "." for _ in range(count)
    ]


@pytest.fixture(scope="module")
def corpora():
    vocabulary = Vocabulary.of_bytes()
    return [tokens(english(n, seed), vocabulary) for n, seed in ((60, 0), (12, 1), (12, 2))]


@pytest.mark.parametrize("order", [1, 3, 6])
def test_the_tuned_beats_the_untuned_on_validation(corpora, order):
    train, validation, _ = corpora
    model = ngram(train, validation, order=order)
    joint = -model.log_prob(validation).mean()
    counts = model.counts
    steps = walk_of(counts, validation)
    greedy = Fit("dirichlet", counts, steps).greedy
    losses = {"greedy": greedy}
    losses |= {str(a): np.full((order, 1), a) for a in np.geomspace(0.1, 1000, 9)}
    others = {name: loss_of(model, Mixture("dirichlet", x, 257), validation)
              for name, x in losses.items()}  # fmt: skip
    assert joint <= others["greedy"] + 1e-9
    fixed = min(value for name, value in others.items() if name != "greedy")
    assert joint <= fixed + 1e-9
    assert all(0.1 <= a <= 1000 for a in model.concentrations)
    assert len(model.concentrations) == order
    assert model.discounts == ()


def walk_of(counts, held_out):
    ids, opens = stream(held_out)
    places = np.flatnonzero(~opens)
    grams = trace(counts, ids[:-1].astype(np.int64), opens[:-1], len(counts.levels))
    contexts = [np.zeros(len(places), np.int32), *(g[places - 1] for g in grams[:-1])]
    return walk(counts, contexts, [g[places] for g in grams])


def loss_of(model, other, held_out):
    return -judged(model.vocabulary, model.counts, {0: other}, held_out)[0][0].mean()


def test_fitted_discounts_beat_the_closed_form(corpora):
    train, validation, _ = corpora
    model = ngram(train, validation, order=4, smoothing="kneser_ney")
    steps = walk_of(model.counts, validation)
    (start,) = Fit("kneser_ney", model.counts, steps).starts(4)
    closed = loss_of(model, Mixture("kneser_ney", start, 257), validation)
    assert -model.log_prob(validation).mean() <= closed
    assert model.concentrations == ()
    assert all(0 < d <= r for row in model.discounts for r, d in enumerate(row, start=1))


@pytest.mark.parametrize("smoothing", ["dirichlet", "kneser_ney"])
def test_the_slope_of_the_fit_is_that_of_its_loss(corpora, smoothing):
    train, validation, _ = corpora
    counts = tabulate(train, 3, left=True)
    fit = Fit(smoothing, counts, walk_of(counts, validation))
    at = np.full((3, 1), 7.0) if smoothing == "dirichlet" else np.array([[0.5, 1.1, 1.6]] * 3)
    _, slope = fit.loss(at, fit.lower)
    for place in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[place] = 1e-5
        up, down = (fit.loss(at + s * step, fit.lower)[0] for s in (1, -1))
        np.testing.assert_allclose(slope[place], (up - down) / 2e-5, rtol=1e-4, atol=1e-9)


def test_discounts_follow_counts_of_counts_and_survive_their_absence():
    y = 10 / (10 + 2 * 4)
    expected = [1 - 2 * y * 4 / 10, 2 - 3 * y * 2 / 4, 3 - 4 * y * 1 / 2]
    np.testing.assert_allclose(discounts(np.array([10, 4, 2, 1])), expected)
    assert discounts(np.zeros(4, int)) == [0.5, 1.0, 1.5]
    assert discounts(np.array([0, 5, 0, 0])) == [0.5, 1.0, 1.5]


@pytest.mark.parametrize("smoothing", ["dirichlet", "kneser_ney"])
def test_a_sweep_equals_single_models_and_is_judged_at_once(corpora, smoothing):
    train, validation, test = corpora
    together = sweep(train, validation, [5, 2], smoothing=smoothing)
    assert together[2].counts.text is together[5].counts.text
    judgements = judge(together, test)
    for order, model in together.items():
        alone = ngram(train, validation, order=order, smoothing=smoothing)
        np.testing.assert_allclose(model.log_prob(test), alone.log_prob(test), atol=1e-12)
        np.testing.assert_array_equal(judgements[order][0], model.log_prob(test))
        np.testing.assert_array_equal(judgements[order][1], model.correct(test))
        assert model.parameters_count == alone.parameters_count
    lower = together[5].at_order(2, validation)
    np.testing.assert_allclose(lower.log_prob(test), together[2].log_prob(test), atol=1e-12)
    with pytest.raises(BadSetting):
        judge({0: together[2], 1: alone}, test)


@pytest.mark.parametrize("smoothing", ["dirichlet", "kneser_ney"])
def test_a_corpus_read_in_pieces_is_read_the_same(corpora, smoothing, monkeypatch):
    train, validation, test = corpora
    model = ngram(train, validation, order=6, smoothing=smoothing)
    whole, correct = model.log_prob(test), model.correct(test)
    batch = batch_of(test)
    rows = model.probabilities(batch)
    picked = rows[:-2].gather(1, batch.target[:-2, None])[:, 0].log()
    np.testing.assert_allclose(picked.numpy(), whole, atol=1e-9)
    rank = (rows[:-2] > rows[:-2].gather(1, batch.target[:-2, None])).sum(1)
    np.testing.assert_array_equal((rank == 0).numpy(), correct)
    monkeypatch.setattr("likely.models._corpus.PLACES", 37)
    monkeypatch.setattr("likely.models._ngram.CELLS", 37 * 257)
    np.testing.assert_array_equal(model.log_prob(test), whole)
    np.testing.assert_array_equal(model.correct(test), correct)
    torch.testing.assert_close(model.probabilities(batch), rows, rtol=1e-12, atol=0)


@pytest.mark.parametrize("smoothing", ["dirichlet", "kneser_ney"])
def test_saved_and_loaded_it_is_the_same(corpora, smoothing, tmp_path):
    train, validation, test = corpora
    model = sweep(train, validation, [3, 5], smoothing=smoothing)[3]
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.log_prob(test), model.log_prob(test))
    np.testing.assert_array_equal(again.correct(test), model.correct(test))
    assert (again.order, again.smoothing) == (3, smoothing)
    assert again.concentrations == model.concentrations
    assert again.discounts == model.discounts
    assert again.parameters_count == model.parameters_count
    assert again.vocabulary.fingerprint == model.vocabulary.fingerprint


@pytest.mark.parametrize("smoothing", ["dirichlet", "kneser_ney"])
@pytest.mark.parametrize("train", [["ab"], ["a", "b", ""], [""], []])
def test_texts_shorter_than_the_order(train, smoothing):
    model = ngram(tokens(train), tokens(["ab", ""]), order=16, smoothing=smoothing)
    rows = model.probabilities(batch_of(tokens(["abcab", "", "c"])))
    torch.testing.assert_close(rows.sum(1), torch.ones(len(rows), dtype=torch.float64))
    assert (rows > 0).all()
    assert np.isfinite(model.log_prob(tokens(["abc"]))).all()
    assert len(model.log_prob(tokens([]))) == 0


def test_read_measures_its_logits(corpora):
    train, validation, test = corpora
    model = ngram(train, validation, order=3)
    stats = model.read(batch_of(test), ["log_prob"])
    np.testing.assert_allclose(stats["log_prob"][:-2].numpy(), model.log_prob(test), atol=1e-4)


def test_what_cannot_be_is_refused(corpora):
    train, validation, _ = corpora
    for order in (0, 17):
        with pytest.raises(BadSetting, match=f"order={order} should be at least 1 and at most 16"):
            ngram(train, validation, order=order)
    with pytest.raises(BadSetting, match="kneser_ney"):
        _check(3, "kneser")
    with pytest.raises(BadSetting, match="at least one order"):
        sweep(train, validation, [])
    with pytest.raises(BadInput, match="validation text is empty"):
        ngram(train, tokens([], Vocabulary.of_bytes()))
    with pytest.raises(BadInput, match="encode it with the same"):
        ngram(train, tokens(["ab"]))
    model = ngram(train, validation, order=2)
    with pytest.raises(BadSetting, match="1 to 2"):
        model.at_order(3, validation)
    with pytest.raises(BadInput):
        model.log_prob(tokens(["ab"]))
    with pytest.raises(ShapeError, match="257 words"):
        model.step(model.start(1), torch.tensor([[257]]))
    with pytest.raises(ShapeError, match="at least one token"):
        model.step(model.start(1), torch.zeros(1, 0, dtype=torch.long))
