"""The trial of compressed text: the same text in every arm, and measures that fit together."""

import numpy as np
import pytest
import torch

from likely.core.errors import LikelyError
from likely.data.corpus import Corpus, Document
from likely.train.trials import _written
from likely.train.trials._written import texts_of, written
from likely.train.trials.compressed_text import compressed_text

SMALL = {
    "coder_bytes": 20_000,
    "train_bytes": 12_000,
    "held_out_bytes": 2_000,
    "steps": 2,
    "width": 8,
    "layers": 1,
    "length": 32,
    "rows": 2,
}


@pytest.fixture(autouse=True)
def small_corpus(monkeypatch):
    rng = np.random.default_rng(0)
    words = ["def ", "return ", "self", "(x)", ":\n    ", "the ", "list ", "of ", " = 1\n"]
    documents = tuple(
        Document(f"m{n}", "".join(rng.choice(words, 800).tolist())) for n in range(120)
    )
    monkeypatch.setattr(_written, "VALIDATION", 2_000)
    monkeypatch.setattr(_written, "embedded", lambda: Corpus("small", documents))
    for cached in (_written.texts_of, _written.written, _written._first_model):
        cached.cache_clear()
    yield
    for cached in (_written.texts_of, _written.written, _written._first_model):
        cached.cache_clear()


def test_no_module_is_in_two_texts_and_seeds_differ():
    texts = texts_of(3, 20_000, 12_000, 2_000)
    parts = (texts.validation, texts.held_out, texts.coder, texts.train)
    modules = [{document.id.partition("@")[0] for document in part} for part in parts]
    assert len(set().union(*modules)) == sum(map(len, modules))
    assert texts.held_out.bytes >= 2_000
    other = texts_of(4, 20_000, 12_000, 2_000)
    assert [d.id for d in other.held_out] != [d.id for d in texts.held_out]


def test_a_corpus_that_is_too_short_is_told():
    with pytest.raises(LikelyError, match="ask for fewer bytes"):
        texts_of(3, 10**9, 1, 1)


def test_arms_hold_the_same_text():
    texts = texts_of(3, 20_000, 12_000, 2_000)
    arms = [written(texts, name, 3, 16, 8) for name in ("bytes", "plain", "windows")]
    for arm in arms:
        assert arm.held_out.names == arms[0].held_out.names
        assert (arm.train.byte_lengths == arms[0].train.byte_lengths).all()
    plain, windows = arms[1].account, arms[2].account
    assert arms[0].account.bits_per_byte == 8
    assert arms[0].account.information == pytest.approx(plain.information)
    assert plain.bits_per_byte < windows.bits_per_byte < 8
    assert 0 < plain.waste_bits_per_byte < windows.waste_bits_per_byte


def test_a_trial_is_the_same_twice_and_its_measures_fit():
    torch.set_num_threads(1)
    found = {
        name: compressed_text(3, representation=name, **SMALL)
        for name in ("bytes", "plain", "windows")
    }
    again = compressed_text(3, representation="windows", **SMALL)
    assert again == found["windows"]
    for name, values in found.items():
        assert all(np.isfinite(value) for value in values.values()), name
        learned = values["gain_bits_per_token"] - values["unigram_gain"]
        assert values["learned_bits_per_token"] == pytest.approx(learned)
        # A code of 8 bits a token that is guessed costs what it says, and EOS a little more.
        said = (8 - values["gain_bits_per_token"]) / values["bytes_per_token"]
        assert said < values["bits_per_byte"] < said * 1.2
    assert found["windows"]["trigram_gain"] > found["plain"]["trigram_gain"] + 0.2
    assert found["plain"]["left_bits_per_byte"] == found["windows"]["left_bits_per_byte"]


def test_a_text_that_does_not_come_back_stops_the_trial(monkeypatch):
    texts = texts_of(3, 20_000, 12_000, 2_000)
    monkeypatch.setattr("likely.models.equal_info.EqualInfo.spell", lambda self, code: b"?")
    with pytest.raises(LikelyError, match="did not come back"):
        written(texts, "windows", 3, 16, 8)
