"""Numbers of every piece of a text against the logits themselves, whatever the tokens are."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from likely.apps._comparison import apart, stretches
from likely.apps._measured import Columns, measure_tokens
from likely.apps._page import shorten, tokens_are, tokens_of
from likely.apps._reading import Piece, Reading, pieces, read_text
from likely.apps.report._seen import Seen
from likely.apps.report._words import headline, most_surprising_word, sentences, words
from likely.audit.likelihood import Likelihood, likelihood
from likely.core.batch import Batch
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.tokens import Tokens, encode
from likely.models.feed_forward import feed_forward
from likely.models.ngram import ngram

TEXT = "naïve – “fast” 🙂\n\tdef f(x):\n        return x\n"
WORDS = (b"na", b"\xc3\xafve", b" \xe2\x80", b"\x93 ", b"def f", b"(x)", b"\n\t", b":", b"\n", b"")
"""A vocabulary whose tokens cut characters in two and join others."""


def odd_vocabulary():
    return Vocabulary(WORDS, bos=9, eos=9, special=frozenset({9}))


def tokens_from(ids, vocabulary):
    """Ids of one document, as if a tokenizer had made them."""
    size = sum(len(vocabulary.bytes_of[i]) for i in ids)
    return Tokens(
        np.array([*ids, vocabulary.eos], np.int32),
        np.array([0, len(ids) + 1]),
        ("d",),
        ("text",),
        np.array([size]),
        vocabulary,
    )


def corpus(*texts):
    return Corpus("c", tuple(Document(f"d{i}", text) for i, text in enumerate(texts)))


def byte_tokens(*texts):
    return encode(corpus(*texts), Vocabulary.of_bytes())


def models():
    train = byte_tokens(TEXT * 5, "return x\n" * 9)
    return {
        "feed_forward": feed_forward(
            Vocabulary.of_bytes(), context=3, embedding=4, width=8, seed=3
        ),
        "ngram": ngram(train, byte_tokens(TEXT), order=3),
    }


@pytest.mark.parametrize("name", ["feed_forward", "ngram"])
def test_numbers_of_tokens_are_those_of_the_logits(name):
    reader, tokens = models()[name], byte_tokens(TEXT)
    found = measure_tokens(reader, tokens)
    read = np.concatenate([[256], tokens.ids[:-1]])
    batch = Batch.of(torch.tensor(read)[None], torch.tensor(tokens.ids).long()[None])
    with torch.no_grad():
        log_p = reader.logits(batch).double().log_softmax(-1)
    own = log_p.gather(1, batch.target[:, None])
    np.testing.assert_allclose(found.bits, -own[:, 0] / math.log(2), rtol=1e-4, atol=1e-5)
    entropy = -(log_p.exp() * log_p).sum(-1) / math.log(2)
    np.testing.assert_allclose(found.entropy, entropy, rtol=1e-4, atol=1e-5)
    # Neighbours that are equal in float64 may differ in float32 by a hair, so ranks get a margin.
    low, high = ((log_p > own + margin).sum(-1).numpy() for margin in (1e-5, -1e-5))
    assert ((low <= found.rank) & (found.rank <= high)).all()
    best = log_p.topk(5).values.exp()
    np.testing.assert_allclose(found.chance, best, rtol=1e-4)
    mine = log_p.exp().gather(1, torch.tensor(found.top))
    np.testing.assert_allclose(found.chance, mine, rtol=1e-4)


@pytest.mark.parametrize("name", ["feed_forward", "ngram"])
def test_sums_are_those_of_an_evaluation(name):
    reader, tokens = models()[name], byte_tokens(TEXT * 20, "x\n", "é")
    reading, whole = read_text(reader, tokens), likelihood(reader, tokens)
    assert reading.likelihood.bits_per_byte == pytest.approx(whole.bits_per_byte, rel=1e-5)
    assert reading.likelihood.nats_per_token == pytest.approx(whole.nats_per_token, rel=1e-5)
    assert reading.likelihood.accuracy == pytest.approx(whole.accuracy)
    for document, nats, text in zip(
        reading.documents, whole.nats, (TEXT * 20, "x\n", "é"), strict=True
    ):
        assert "".join(piece.text for piece in document) == text
        assert sum(p.bits for p in document) == pytest.approx(nats / math.log(2), rel=1e-4)


@pytest.mark.parametrize(("first", "last"), [(0, 3), (300, 420), (850, None), (0, None)])
def test_a_part_has_the_numbers_it_has_in_the_whole(first, last):
    reader, tokens = models()["feed_forward"], byte_tokens(TEXT * 20)
    whole, part = (
        measure_tokens(reader, tokens),
        measure_tokens(reader, tokens, first=first, last=last),
    )
    for column, same in zip(whole, part, strict=True):
        np.testing.assert_allclose(column[first:last], same, rtol=1e-4, atol=1e-6)


def columns(count):
    rng = np.random.default_rng(0)
    top = np.tile(np.arange(3), (count, 1))
    return Columns(rng.random(count), rng.random(count), rng.integers(9, size=count), top, top / 9)


def test_tokens_that_share_a_character_are_one_piece():
    vocabulary, ids = odd_vocabulary(), [0, 1, 2, 3, 4, 5, 7, 6, 9]
    found = columns(len(ids))
    made = pieces(ids, found, vocabulary)
    assert [p.text for p in made] == ["na", "ïve", " – ", "def f", "(x)", ":", "\n\t", ""]
    assert [len(p.parts) for p in made] == [0, 0, 2, 0, 0, 0, 0, 0]
    shared = made[2]
    assert shared.bits == pytest.approx(found.bits[2:4].sum(), abs=1e-4)
    assert shared.entropy == pytest.approx(found.entropy[2:4].sum(), abs=1e-4)
    assert shared.rank == found.rank[2:4].max()
    assert [word for word, _ in shared.parts] == ["0x20e280", "0x9320"]
    assert [word for word, _ in shared.instead] == ["ïve", "0x20e280"]


@given(st.text(min_size=1, max_size=40), st.data())
def test_pieces_spell_the_text_however_it_is_cut(text, data):
    raw = text.encode("utf-8", errors="ignore")
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=8)) | {0, len(raw)})
    parts = [raw[a:b] for a, b in itertools.pairwise(cuts)]
    vocabulary = Vocabulary((*parts, b""), len(parts), len(parts), frozenset({len(parts)}))
    ids = [*range(len(parts)), len(parts)]
    found = columns(len(ids))._replace(top=np.zeros((len(ids), 3), int))
    made = pieces(ids, found, vocabulary)
    assert "".join(p.text for p in made).encode() == raw
    assert all("�" not in p.text for p in made) or "�" in text
    assert sum(p.bits for p in made) == pytest.approx(found.bits.sum(), abs=1e-2)


def reading(*documents):
    """A reading from pairs of text and bits."""
    made = tuple(tuple(Piece(t, b, 0.0, 0, []) for t, b in document) for document in documents)
    nats = np.array([sum(b for _, b in document) * math.log(2) for document in documents])
    size = np.array([sum(len(t.encode()) for t, _ in document) for document in documents], float)
    return Reading(made, Likelihood(nats, size, size, size * 0, ("text",) * len(documents)))


def test_stretches_end_where_both_models_end_a_token():
    first = reading([("a", 1.0), ("b", 2.0), ("c d", 4.0), ("e", 0.5), ("", 3.0)])
    second = reading([("ab", 5.0), ("c", 1.0), (" ", 1.0), ("de", 2.0), ("", 1.0)])
    cut = stretches(first, second)
    assert cut == [[("ab", 3.0, 5.0), ("c de", 4.5, 4.0), ("", 3.0, 1.0)]]
    far = apart(first, second, cut)
    assert far.bits_per_byte == pytest.approx((10.5 - 10.0) / 6)
    assert far.low is None


def test_texts_that_differ_are_not_compared_piece_by_piece():
    assert stretches(reading([("a", 1.0)]), reading([("A", 1.0)])) is None


def test_the_interval_of_a_difference_holds_it_and_knows_a_sure_one():
    rng = np.random.default_rng(1)
    first = reading([("word ", float(b)) for b in 5 + rng.random(400)])
    second = reading([("word ", float(b)) for b in 2 + rng.random(400)])
    far = apart(first, second, stretches(first, second))
    assert far.low < far.bits_per_byte < far.high
    assert far.low > 0
    assert far.high - far.low < 0.1
    same = apart(first, first, stretches(first, first))
    assert (same.bits_per_byte, same.low, same.high) == (0, 0, 0)


def test_words_are_letters_that_stand_together():
    found = words(
        reading([("def", 1.0), (" f", 2.0), ("oo", 3.0), ("(", 4.0), ("x", 5.0), ("", 9.0)])
    )
    assert [(w.text, w.bits, w.place) for w in found] == [
        ("def", 1.0, 0),
        ("foo", 5.0, 1),
        ("(", 4.0, 3),
        ("x", 5.0, 4),
    ]
    assert most_surprising_word(reading([(" ", 1.0)])) is None


def seen(label, bits):
    one = reading([(f"w{i} ", bits) for i in range(200)])
    return Seen(label, "transformer", 7, "byte", one)


def test_findings_say_who_is_better_and_when_that_is_unsure():
    good, bad = seen("good", 1.0), seen("bad", 9.0)
    alone = headline("a.txt", [good], None)
    assert alone.startswith("good needs 0.2")
    assert "most surprised by “w" in alone
    cut = stretches(good.reading, bad.reading)
    far = apart(good.reading, bad.reading, cut)
    assert headline("a.txt", [good, bad], far).startswith("good reads a.txt better than bad: ")
    assert "fewer than bad" in sentences("a.txt", [good, bad], far)[-1]
    unsure = far._replace(low=-1.0, high=1.0)
    assert "cannot be told apart" in headline("a.txt", [good, bad], unsure)
    assert "an interval that holds 0" in sentences("a.txt", [good, bad], unsure)[-1]
    short = far._replace(low=None, high=None)
    assert "too short" in sentences("a.txt", [good, bad], short)[-1]


def test_a_long_text_is_cut_and_its_end_not_scored():
    given_text = corpus("abc", "déf", "ghi")
    shown, cut = shorten(given_text, 5)
    assert ([d.text for d in shown], cut) == (["abc", "dé"], True)
    tokens = tokens_of(shown, Vocabulary.of_bytes(), cut=cut)
    assert tokens.ids.tolist() == [*b"abc", 256, *"dé".encode()]
    assert tokens.offsets.tolist() == [0, 4, 7]
    whole, cut = shorten(given_text, 9)
    assert (len(whole), cut) == (3, False)
    assert tokens_of(whole, Vocabulary.of_bytes(), cut=cut).ids[-1] == 256
    part, cut = shorten(given_text, 6)
    assert (len(part), cut) == (2, False)


def test_kinds_of_tokens_have_names():
    assert tokens_are(Vocabulary.of_bytes()) == "byte"
    assert tokens_are(Vocabulary((b"a", "é".encode(), b""), 2, 2, frozenset({2}))) == "character"
    assert tokens_are(odd_vocabulary()) == "token"


def test_any_vocabulary_is_measured_over_its_own_tokens():
    vocabulary = odd_vocabulary()
    reader = feed_forward(vocabulary, context=2, embedding=4, width=8, seed=1)
    tokens = tokens_from([0, 1, 2, 3, 4, 5, 7, 6], vocabulary)
    found, whole = read_text(reader, tokens), likelihood(reader, tokens)
    assert found.likelihood.bits_per_byte == pytest.approx(whole.bits_per_byte, rel=1e-5)
    assert "".join(p.text for p in found.pieces) == "naïve – def f(x):\n\t"
    other = read_text(models()["feed_forward"], byte_tokens("naïve – def f(x):\n\t"))
    cut = stretches(found, other)[0]
    assert [s.text for s in cut] == [p.text for p in found.pieces]
    assert sum(s.first for s in cut) == pytest.approx(sum(p.bits for p in found.pieces))
    assert sum(s.second for s in cut) == pytest.approx(sum(p.bits for p in other.pieces))
