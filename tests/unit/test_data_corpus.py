"""Corpora, tokens and planted passages."""

import numpy as np
import pytest

from likely.core.errors import BadInput, BadSetting, ShapeError
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.plant import plant
from likely.data.tokens import Tokens, encode

TWO = Corpus("two", (Document("a", "naïve words here", "code"), Document("b", "other things")))


def test_bytes_are_those_of_utf8():
    assert TWO.bytes == len("naïve words here".encode()) + len(b"other things")
    assert TWO.domains == ("code", "text")
    assert [d.id for d in TWO.where("code")] == ["a"]
    assert len(TWO.where("none")) == 0


def test_documents_can_be_kept_in_sets():
    assert len({Document("a", "x", metadata={"k": 1}), Document("a", "x", metadata={"k": 1})}) == 1


def test_ids_must_differ():
    with pytest.raises(BadInput, match="2 documents with the id 'a'"):
        Corpus("twice", (Document("a", "x"), Document("a", "y")))


def test_encode_closes_each_document_with_eos():
    tokens = encode(TWO, Vocabulary.of_bytes())
    first, second = (
        tokens.ids[a:b] for a, b in zip(tokens.offsets, tokens.offsets[1:], strict=False)
    )
    assert bytes(first[:-1].tolist()).decode() == "naïve words here"
    assert first[-1] == second[-1] == 256
    assert tokens.total_bytes == TWO.bytes
    assert tokens.domains == ("code", "text")


def test_select_keeps_order_and_may_be_empty():
    tokens = encode(TWO, Vocabulary.of_bytes())
    chosen = tokens.select([1, 0])
    assert chosen.names == ("b", "a")
    assert chosen.total_bytes == tokens.total_bytes
    assert chosen.ids[: chosen.offsets[1]].tolist() == [*b"other things", 256]
    assert len(tokens.select([])) == 0


def test_an_empty_corpus_encodes_to_nothing():
    assert len(encode(Corpus("none", ()), Vocabulary.of_bytes()).ids) == 0


def test_tokens_that_do_not_fit_are_refused():
    ids, lengths = np.zeros(3, np.int32), np.zeros(1, np.int64)
    with pytest.raises(ShapeError, match="do not fit together"):
        Tokens(ids, np.array([0, 2]), ("a",), ("t",), lengths, Vocabulary.of_bytes())
    with pytest.raises(ShapeError, match="at least one target"):
        Tokens(
            ids,
            np.array([0, 0, 3]),
            ("a", "b"),
            ("t", "t"),
            np.zeros(2, np.int64),
            Vocabulary.of_bytes(),
        )


def test_plant_puts_every_passage_in_as_often_as_said():
    grown, planted = plant(TWO, passages=2, repeats=(0, 1, 3), length=40, seed=5)
    assert [p.repeats for p in planted] == [0, 0, 1, 1, 3, 3]
    texts = [d.text for d in grown.where("planted")]
    assert all(texts.count(p.text) == p.repeats for p in planted)
    assert all(len(p.text.encode()) == 40 for p in planted)
    assert len({p.text for p in planted}) == 6
    assert grown.documents[:2] == TWO.documents
    assert len({d.id for d in grown}) == len(grown)


def test_plant_is_seeded():
    draw = [plant(TWO, passages=1, repeats=(1,), length=60, seed=s)[1] for s in (1, 1, 2)]
    assert draw[0] == draw[1] != draw[2]


def test_plant_refuses_all_bad_settings_at_once():
    with pytest.raises(BadSetting) as caught:
        plant(TWO, passages=0, repeats=(-1,), length=0)
    assert len(caught.value.problems) == 3
    with pytest.raises(BadInput, match="no words"):
        plant(Corpus("digits", (Document("d", "1 2 3"),)), passages=1, repeats=(1,), length=9)
