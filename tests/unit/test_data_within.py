"""Texts that are too few to be held out whole, and samples of long ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likely.core.errors import BadInput
from likely.data.corpus import Corpus, Document
from likely.data.sample import shortened
from likely.data.split import PARTS, split
from likely.data.within import LEAST, split_any, split_within
from tests.unit.test_data_split import made, prose


def one(text, name="a"):
    return Corpus("c", (Document(name, text),))


@given(st.text(min_size=LEAST, max_size=3000), st.sampled_from(["", "\n", "\n\n", " "]))
def test_stretches_make_the_document_again(text, joint):
    text = joint.join(text[i : i + 40] for i in range(0, len(text), 40))
    try:
        parts = split_within(one(text))
    except BadInput:
        # Nothing visible to measure on in one of the stretches.
        stretches = [text[: len(text) // 2], text[len(text) // 2 :]]
        assert any(not part[-60:].strip() or not part.strip() for part in stretches) or text.split()
        return
    assert parts.cut
    assert "".join(d.text for part in parts.parts.values() for d in part) == text


@pytest.mark.parametrize("size", [250, 1000, 5000, 200_000])
def test_shares_are_held_and_short_texts_keep_more_apart(size):
    parts = split_within(one(prose(1, size // 8 + 1)[:size]))
    lengths = {name: parts.parts[name].bytes for name in PARTS}
    assert sum(lengths.values()) == size
    least = min(120, 0.2 * size)
    assert lengths["held_out"] == pytest.approx(max(0.12 * size, least), rel=0.4)
    assert lengths["validation"] == pytest.approx(max(0.08 * size, least), rel=0.5)
    assert lengths["train"] > 0.5 * size


def test_cuts_stand_where_paragraphs_end_then_lines_then_words():
    paragraphs = "\n\n".join(prose(n, 12) for n in range(40))
    lines = "\n".join(prose(n, 6) for n in range(80))
    for text, mark in ((paragraphs, "\n\n"), (lines, "\n"), (prose(0, 500), " ")):
        parts = split_within(one(text))
        for name in ("train", "validation"):
            assert parts.parts[name].documents[0].text.endswith(mark), (name, mark)


def test_short_documents_train_beside_long_ones():
    corpus = Corpus("c", (Document("long", prose(1)), Document("short", "a few words")))
    parts = split_within(corpus)
    assert [d.id for d in parts.train] == ["long", "short"]
    assert [d.id for d in parts.held_out] == ["long"]


def test_too_little_is_one_sentence():
    with pytest.raises(BadInput, match=r"has 11 bytes of text.*at least 200 bytes"):
        split_any(one("a few words"))
    with pytest.raises(BadInput, match="no documents"):
        split_any(Corpus("none", ()))
    line = " " * 300 + "x"
    with pytest.raises(BadInput, match="too short to be cut"):
        split_within(one(line))


def test_whole_documents_are_kept_where_there_are_enough():
    many = made(40)
    whole = split_any(many)
    assert not whole.cut
    expected = split(many)
    assert {n: [d.id for d in p] for n, p in whole.parts.items()} == {
        n: [d.id for d in p] for n, p in expected.parts.items()
    }


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_documents_are_cut(count):
    parts = split_any(made(count))
    assert parts.cut
    assert all(part.bytes > 0 for part in parts.parts.values())


def test_copies_of_one_text_are_cut_at_the_same_place():
    text = prose(3)
    parts = split_any(Corpus("c", (Document("a", text), Document("b", text))))
    assert parts.cut
    first, second = (d.text for d in parts.held_out)
    assert first == second
    assert not any(first[:50] in d.text for d in parts.train)


def test_a_sample_is_evenly_spaced_and_not_longer():
    corpus = made(30)
    found = shortened(corpus, corpus.bytes // 3)
    assert found.bytes <= corpus.bytes // 3
    places = [int(d.id[1:]) for d in found]
    assert places[0] == 0
    assert places[-1] > 20
    assert shortened(corpus, corpus.bytes) is corpus
    tale = shortened(one("é" * 500), 101)
    assert tale.bytes == 100
